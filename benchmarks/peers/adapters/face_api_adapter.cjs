// npm `@vladmandic/face-api`: SSD MobileNet finds faces, 68 landmarks align them, as its tutorial does for expressions.
// A face crop goes into its expression network as it is.

'use strict';

const path = require('path');
const { serve } = require('./interface.cjs');
const faceapi = require('@vladmandic/face-api/dist/face-api.node-wasm.js');

const MODELS = path.join(path.dirname(require.resolve('@vladmandic/face-api/package.json')), 'model');

async function makeRecogniser() {
  for (const name of ['ssdMobilenetv1', 'faceLandmark68Net', 'faceExpressionNet']) {
    await faceapi.nets[name].loadFromDisk(MODELS);
  }
  return {
    // One after the other, as the library itself goes through the faces of a photo.
    faces: (crops) => Promise.all(crops.map((crop) => faceapi.nets.faceExpressionNet.predictExpressions(crop))),
    find: async (photo) => {
      const found = await faceapi.detectAllFaces(photo).withFaceLandmarks().withFaceExpressions();
      return found.map((face) => {
        const { x, y, width, height } = face.detection.box;
        return { box: [x, y, width, height], probabilities: { ...face.expressions } };
      });
    },
  };
}

serve(makeRecogniser);
