/** Foreign weights of face detectors: what `facenet import` tries before it takes them for those of an embedding network. */
import { stat } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { invalidArgument } from '../../errors.js'
import type { DetectorContents } from '../../files/model/detector_file.js'
import type { ImportCheck } from './check.js'
import { importFaceApi } from './face_api.js'
import type { ImportOptions } from './import_model.js'
import { importMtcnn, isMtcnnFile } from './mtcnn_files.js'
import { readOnnx } from './onnx.js'
import { importRetinaface, isRetinaface } from './retinaface.js'
import { importScrfd, isScrfd } from './scrfd.js'
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
  const contents = await readDetector(path, check)
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

async function readDetector(path: string, check: boolean | undefined): Promise<ImportedDetector | undefined> {
  if (await isFolder(path)) return importFaceApi(path)
  if (basename(path) === 'tiny_face_detector_model-weights_manifest.json') return importFaceApi(dirname(path))
  if (extname(path).toLowerCase() === '.onnx') {
    const source = await readOnnx(path).catch(unreadable)
    if (!source) return undefined
    return families.find(({ is }) => is(source))?.read(source, check)
  }
  return (await isMtcnnFile(path).catch(unreadable)) ? importMtcnn(path) : undefined
}

/** What is wrong with a file that nobody can read is said by `importModel`. */
const unreadable = () => undefined

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}
