// npm `@vladmandic/human`: BlazeFace and its mesh find faces, its emotion network classifies them; all else is off.
//
// Its API has no way to hand it a face crop, so crops go into its network with its own preprocessing (src/gear/emotion):
// grey, 64x64, -1 to 1. The variant `enlarged` finds the face first: the crop enlarged six times, with a margin of a
// third of its side around it, grey. Its answers are cut to a hundredth, which makes ties, so that on photos too the
// network is asked again with the face that it cut out.

'use strict';

const fs = require('fs');
const path = require('path');
const { fileURLToPath } = require('url');
const { serve, tf, WASM_FOLDER } = require('./interface.cjs');

const PACKAGE = path.join(process.env.NODE_PATH, '@vladmandic', 'human');
// Its "exports" hide this build, hence the path.
const { Human } = require(path.join(PACKAGE, 'dist', 'human.node-wasm.js'));

const NAMES = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
const GREY = [0.2989, 0.587, 0.114];
const SIDE_PX = 64;
const ENLARGED = 6;
// To ask the network again for what was cut off would count against the library: timed, its own answer is enough.
const TIMED = process.argv[2] === 'time';

const SETTINGS = {
  backend: 'wasm',
  wasmPath: WASM_FOLDER,
  modelBasePath: `file://${path.join(PACKAGE, 'models')}/`,
  cacheSensitivity: 0, // Every image is another one: nothing is taken over from the image before.
  warmup: 'none',
  gesture: { enabled: false },
  body: { enabled: false },
  hand: { enabled: false },
  object: { enabled: false },
  segmentation: { enabled: false },
  face: {
    detector: { maxDetected: 30, return: !TIMED },
    iris: { enabled: false },
    description: { enabled: false },
  },
};

// This build loads models by fetch alone, and Node's fetch reads no files.
const fetchRemote = globalThis.fetch;
globalThis.fetch = async (address, options) => {
  if (!String(address).startsWith('file://')) return fetchRemote(address, options);
  const type = String(address).endsWith('.json') ? 'application/json' : 'application/octet-stream';
  return new Response(fs.readFileSync(fileURLToPath(String(address))), { headers: { 'content-type': type } });
};

// A face of [height, width, 3] in 0 to 1 through the emotion network, prepared as the library does.
function classify(human, face) {
  const shares = tf.tidy(() => {
    const resized = tf.image.resizeBilinear(face, [SIDE_PX, SIDE_PX], false);
    const grey = tf.sum(tf.mul(resized, tf.tensor1d(GREY)), 2, true);
    return human.models.models.emotion.execute(tf.expandDims(tf.mul(tf.sub(grey, 0.5), 2), 0));
  });
  const values = shares.dataSync();
  tf.dispose(shares);
  return Object.fromEntries(NAMES.map((name, i) => [name, values[i]]));
}

function enlarge(crop) {
  return tf.tidy(() => {
    const [height, width] = crop.shape;
    const large = tf.image.resizeBilinear(crop, [height * ENLARGED, width * ENLARGED]);
    const margin = Math.round((height * ENLARGED) / 3);
    return tf.cast(tf.pad(large, [[margin, margin], [margin, margin], [0, 0]], 128), 'int32');
  });
}

async function makeRecogniser(variant) {
  const human = new Human(SETTINGS);
  await human.load();
  const find = async (photo) => {
    const result = await human.detect(photo);
    if (result.error) throw new Error(result.error);
    if (TIMED) return result.face;
    return result.face.map((face) => {
      const probabilities = classify(human, face.tensor);
      tf.dispose(face.tensor);
      return { box: face.box, probabilities };
    });
  };
  const findIn = async (crop) => {
    const large = enlarge(crop);
    const found = await find(large);
    tf.dispose(large);
    return found.length ? found[0].probabilities : null;
  };
  const whole = (crop) => tf.tidy(() => classify(human, tf.div(crop, 255)));
  const faces = async (crops) => {
    const answers = [];
    for (const crop of crops) answers.push(variant === 'enlarged' ? await findIn(crop) : whole(crop));
    return answers;
  };
  return { faces, find };
}

serve(makeRecogniser);
