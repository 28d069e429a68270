/** Foreign weights of face detectors: what `facenet import` tries before it takes them for those of an embedding network. */
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { invalidArgument } from '../../errors.js'
import type { DetectorContents } from '../../files/model/detector_file.js'
import type { ImportCheck } from './check.js'
import { importFaceApi } from './face_api.js'
import type { ImportOptions } from './import_model.js'
import { importMtcnn, isMtcnnFile } from './mtcnn_files.js'
import { importRetinaface, isRetinaface } from './retinaface.js'
import { importScrfd, isScrfd } from './scrfd.js'
import { WeightsFile } from './weights_file.js'
import { importYunet, isYunet } from './yunet.js'

/**
 * The detector whose weights these are: MTCNN's, the `.onnx` of YuNet, SCRFD or RetinaFace, or face-api's `model` folder; undefined for others.
 *
 * @param path of a file or a folder.
 * @param options whether the import is compared with onnxruntime.
 *
 * @example
 * ```ts
 * const contents = await importDetector('yunet.onnx')
 * if (contents) await writeDetector('d.safetensors', contents)
 * ```
 */
export async function importDetector(
  path: string,
  { check }: Pick<ImportOptions, 'check'> = {},
): Promise<ImportedDetector | undefined> {
  return detectorIn(new WeightsFile(path), { check })
}

/** The same of weights that were read, or are to be read by others too. */
export async function detectorIn(
  weights: WeightsFile,
  { check }: Pick<ImportOptions, 'check'> = {},
): Promise<ImportedDetector | undefined> {
  const contents = await readDetector(weights, check)
  if (check && contents && !contents.check?.checked) {
    throw invalidArgument('check', 'an ONNX file, which onnxruntime can run', 'other weights')
  }
  return contents && { ...contents, producer: 'facenet import' }
}

/** A detector to write; of an ONNX file, with what comparing it with onnxruntime found. */
export interface ImportedDetector extends DetectorContents {
  /** What the comparison with onnxruntime found, or why there was none. */
  check?: ImportCheck
}

const families = [
  { is: isYunet, read: importYunet },
  { is: isScrfd, read: importScrfd },
  { is: isRetinaface, read: importRetinaface },
]

async function readDetector(weights: WeightsFile, check: boolean | undefined): Promise<ImportedDetector | undefined> {
  const { path } = weights
  if (await isFolder(path)) return importFaceApi(path)
  if (basename(path) === 'tiny_face_detector_model-weights_manifest.json') return importFaceApi(dirname(path))
  if (weights.extension === '.onnx') {
    const source = await weights.onnx().catch(unreadable)
    if (!source) return undefined
    return families.find(({ is }) => is(source))?.read(source, check)
  }
  return (await isMtcnnFile(weights).catch(unreadable)) ? importMtcnn(weights) : undefined
}

/** What is wrong with a file that nobody can read is said by `importModel`. */
const unreadable = () => undefined

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}
