/** Foreign weights of face detectors: what `facenet import` tries before it takes them for those of an embedding network. */
import { stat } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import type { DetectorContents } from '../../files/model/detector_file.js'
import { importFaceApi } from './face_api.js'
import { importMtcnn, isMtcnnFile } from './mtcnn_files.js'
import { readOnnx } from './onnx.js'
import { importYunet, yunetOutputs } from './yunet.js'

/** The detector whose weights these are: MTCNN's, YuNet's `.onnx`, or face-api's `model` folder; undefined for others. */
export async function importDetector(path: string): Promise<DetectorContents | undefined> {
  const contents = await readDetector(path)
  return contents && { ...contents, producer: 'facenet import' }
}

async function readDetector(path: string): Promise<DetectorContents | undefined> {
  if (await isFolder(path)) return importFaceApi(path)
  if (basename(path) === 'tiny_face_detector_model-weights_manifest.json') return importFaceApi(dirname(path))
  if (extname(path).toLowerCase() === '.onnx') {
    const outputs = await readOnnx(path).then((model) => model.outputs, unreadable)
    return outputs && [...yunetOutputs.keys()].every((name) => outputs.includes(name)) ? importYunet(path) : undefined
  }
  return (await isMtcnnFile(path).catch(unreadable)) ? importMtcnn(path) : undefined
}

/** What is wrong with a file that nobody can read is said by `importModel`. */
const unreadable = () => undefined

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}
