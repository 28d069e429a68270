/**
 * Runs face-api's own networks on tfjs, in a process of its own: its browser build is told that it is in one, and puts globals
 * where it likes. In: JSON of `{ detect, landmarks }`, each `{ side, pixels }`, on stdin. Out: JSON of the two outputs.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'

const input = JSON.parse(await text(process.stdin))
const folder = dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'))
const document = { createElement: () => ({ getContext: () => null }), body: {} }
Object.assign(globalThis, { window: { document }, document })
const faceapi = await import(join(folder, 'dist/face-api.esm.js'))
const { tf } = faceapi
class Element {}
faceapi.env.setEnv({
  ...{ Canvas: Element, CanvasRenderingContext2D: Element, Image: Element, ImageData: Element, Video: Element },
  ...{ createCanvasElement: () => new Element(), createImageElement: () => new Element() },
})
await tf.setBackend('cpu')

async function load(network, name) {
  const manifest = JSON.parse(await readFile(join(folder, 'model', `${name}_model-weights_manifest.json`), 'utf8'))
  const bytes = new Uint8Array(await readFile(join(folder, 'model', manifest[0].paths[0])))
  network.loadFromWeightMap(tf.io.decodeWeights(bytes.buffer, manifest[0].weights))
  return network
}

const image = ({ side, pixels }) => tf.tensor3d(pixels, [side, side, 3], 'int32')
const detector = await load(new faceapi.TinyFaceDetector(), 'tiny_face_detector')
const detect = await detector.forward(image(input.detect), input.detect.side)
const landmarks = await load(new faceapi.FaceLandmark68Net(), 'face_landmark_68')
const points = landmarks.runNet(await faceapi.toNetInput(image(input.landmarks)))
process.stdout.write(
  `\n${JSON.stringify({ detect: [...(await detect.data())], landmarks: [...(await points.data())] })}`,
)
