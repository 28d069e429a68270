// A model and a detector to try the examples with: the weights that come with npm's @vladmandic/face-api (MIT), dlib's face
// network and a face detector. With a model file of your own: openModel('./m.safetensors').
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { openDetector, openModel } from 'facenet-native'
import { importDetector, importModel } from 'facenet-native/convert'

const weights = () =>
  join(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')), 'model')

/** The network as it is in memory: `openModel` takes it, and so does `createTrainer`. */
export const modelInMemory = () => importModel(join(weights(), 'face_recognition_model-weights_manifest.json'))

export const openExampleModel = async () => openModel(await modelInMemory())

export const openExampleDetector = async () => openDetector((await importDetector(weights()))!)
