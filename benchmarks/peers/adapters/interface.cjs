// What every Node adapter speaks: the same as interface.py, for libraries of the npm registry.
//
//   node ADAPTER.cjs predict MANIFEST KIND OUT [VARIANT]
//   node ADAPTER.cjs time FRAME MANIFEST [VARIANT]
//
// A recogniser has faces(crops), which gives the probabilities of each, and find(photo), which gives
// {box: [x, y, width, height] in px, probabilities} of each face found. Images are int32 RGB tensors. The backend is
// WebAssembly with its files from the package, since the native one downloads a library when it is installed.

'use strict';

const fs = require('fs');
const path = require('path');
const readline = require('readline');
const { PNG } = require('pngjs');
const tf = require('@tensorflow/tfjs');
const wasm = require('@tensorflow/tfjs-backend-wasm');

const CLASSES = ['neutral', 'happiness', 'surprise', 'sadness', 'anger', 'disgust', 'fear'];
const SPELLINGS = {
  neutral: 'neutral', happy: 'happiness', surprised: 'surprise', surprise: 'surprise', sad: 'sadness', angry: 'anger',
  disgusted: 'disgust', disgust: 'disgust', fearful: 'fear', fear: 'fear',
};
const WARM_UPS = 3;
const ANSWER = '@answer ';
const WASM_FOLDER = path.join(path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist') + path.sep;

async function startBackend() {
  wasm.setWasmPaths(WASM_FOLDER);
  await tf.setBackend('wasm');
  await tf.ready();
}

function read(file) {
  const image = PNG.sync.read(fs.readFileSync(file));
  const rgb = new Int32Array(image.width * image.height * 3);
  for (let i = 0; i < image.width * image.height; i++) {
    for (let channel = 0; channel < 3; channel++) rgb[3 * i + channel] = image.data[4 * i + channel];
  }
  return tf.tensor3d(rgb, [image.height, image.width, 3], 'int32');
}

// The benchmark writes these files itself: the path is the first cell and holds no comma.
function readPaths(manifest) {
  const lines = fs.readFileSync(manifest, 'utf-8').split(/\r?\n/).filter((line) => line);
  return lines.slice(1).map((line) => line.split(',')[0]);
}

function row(probabilities) {
  const ours = {};
  for (const [name, value] of Object.entries(probabilities)) ours[SPELLINGS[name]] = value;
  return CLASSES.map((name) => {
    if (!Number.isFinite(ours[name])) throw new Error(`no probability of ${name}`);
    return Number(ours[name].toPrecision(6));
  });
}

function largest(found) {
  const area = (face) => face.box[2] * face.box[3];
  return found.length ? found.reduce((a, b) => (area(b) > area(a) ? b : a)).probabilities : null;
}

async function predict(recogniser, manifest, kind, out) {
  const lines = [['path', ...CLASSES].join(',')];
  for (const file of readPaths(manifest)) {
    const image = read(file);
    const answer = kind === 'crops' ? (await recogniser.faces([image]))[0] : largest(await recogniser.find(image));
    tf.dispose(image);
    lines.push([file, ...(answer ? row(answer) : CLASSES.map(() => ''))].join(','));
  }
  fs.writeFileSync(out, `${lines.join('\n')}\n`);
}

async function answerTimings(recogniser, framePath, manifest) {
  const frame = read(framePath);
  const crops = readPaths(manifest).map(read);
  for (let i = 0; i < WARM_UPS; i++) {
    await recogniser.faces(crops);
    await recogniser.find(frame);
  }
  console.log(ANSWER + JSON.stringify({ ready: true }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const started = performance.now();
    const found = line.trim() === 'faces' ? await recogniser.faces(crops) : await recogniser.find(frame);
    console.log(ANSWER + JSON.stringify({ ms: performance.now() - started, faces: found.length }));
  }
}

async function serve(makeRecogniser) {
  const [command, ...rest] = process.argv.slice(2);
  const variant = rest[command === 'predict' ? 3 : 2] || '';
  await startBackend();
  const recogniser = await makeRecogniser(variant);
  if (command === 'predict') await predict(recogniser, ...rest);
  else await answerTimings(recogniser, ...rest);
}

module.exports = { serve, tf, WASM_FOLDER };
