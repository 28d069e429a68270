/**
 * The model and the detector that nobody has to name. They come from the package `@facenet-native/models`, or from the weights of
 * `@vladmandic/face-api`, of which that package is made: those are imported once and kept in the cache.
 */

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { FaceNetError } from '../errors.js'
import { makeFolder } from '../files/make_folder.js'
import { type DetectorContents, writeDetector } from '../files/model/detector_file.js'
import { type ModelContents, writeModel } from '../files/model/model_file.js'
import loader from '../native/load.cjs'
import { cacheFolder, isReadable } from './cache.js'

const ourPackage = '@facenet-native/models'
const faceApi = '@vladmandic/face-api'

/** The names of the two files in the package. */
export const packagedFiles = { recogniser: 'recogniser.safetensors', detector: 'detector.safetensors' } as const

/** The file of the default model, or the model itself where no cache can be written. Throws ERR_FACENET_IO where there is no package. */
export async function packagedModel(
  folder = cacheFolder(),
  root = loader.packageRoot(),
): Promise<string | ModelContents> {
  return (
    (await fromOurs('recogniser', root)) ??
    (await fromFaceApi('recogniser', folder, root, importRecogniser, writeModel)) ??
    notInstalled('model', [
      '  --model <file.safetensors>            or FACENET_MODEL: made by facenet-native import',
      '  facenet-native models list            has models that can be fetched by name',
    ])
  )
}

/** The same of the default detector. */
export async function packagedDetector(
  folder = cacheFolder(),
  root = loader.packageRoot(),
): Promise<string | DetectorContents> {
  return (
    (await fromOurs('detector', root)) ??
    (await fromFaceApi('detector', folder, root, importDetector, writeDetector)) ??
    notInstalled('detector', [
      '  --detector <file.safetensors>         or FACENET_DETECTOR: made by facenet-native import from YuNet, SCRFD, RetinaFace or MTCNN',
      '  --align none|center|points            for images that show one face each, already cut out',
    ])
  )
}

/** Where a file of our package lies; undefined where the package is not there. Throws where it belongs to another version. */
async function fromOurs(kind: keyof typeof packagedFiles, root: string): Promise<string | undefined> {
  const manifest =
    loader.resolveFrom(root, `${ourPackage}/package.json`) ?? join(root, 'packages', 'models', 'package.json')
  if (!(await isReadable(manifest))) return undefined
  const [theirs, ours] = await Promise.all([versionOf(manifest), versionOf(join(root, 'package.json'))])
  if (theirs !== ours) {
    throw new FaceNetError(
      'ERR_FACENET_IO',
      `facenet-native is version ${ours}, but ${ourPackage} is version ${theirs}: the two belong together.\n` +
        `To install the one that fits, run: npm install facenet-native@${ours}`,
      { argument: ourPackage, expected: `version ${ours}`, received: `version ${theirs}` },
    )
  }
  return join(dirname(manifest), packagedFiles[kind])
}

async function versionOf(manifest: string): Promise<string> {
  return (JSON.parse(await readFile(manifest, 'utf8')) as { version: string }).version
}

async function importRecogniser(weights: string): Promise<ModelContents> {
  const { importModel } = await import('../convert/importers/import_model.js')
  return importModel(join(weights, 'face_recognition_model-weights_manifest.json'), { name: 'dlib' })
}

async function importDetector(weights: string): Promise<DetectorContents> {
  const { importFaceApi } = await import('../convert/importers/face_api.js')
  return importFaceApi(weights)
}

/** face-api's weights, as a file in the cache or, where nothing can be written, in memory. Undefined where it is not installed. */
async function fromFaceApi<Contents>(
  kind: keyof typeof packagedFiles,
  folder: string | undefined,
  root: string,
  imported: (weights: string) => Promise<Contents>,
  write: (path: string, contents: Contents) => Promise<unknown>,
): Promise<string | Contents | undefined> {
  const source = findFaceApi(root)
  if (!source) return undefined
  const path = folder && join(folder, `face-api-${kind}-${await versionOf(join(source, 'package.json'))}.safetensors`)
  if (path && (await isReadable(path))) return path
  const contents = await imported(join(source, 'model'))
  if (!path) return contents
  try {
    await makeFolder(dirname(path))
    await write(path, contents)
    return path
  } catch {
    // A container or a function of a cloud lets nothing be kept.
    return contents
  }
}

/** Beside this package, or in the project that the command runs in. */
function findFaceApi(root: string): string | undefined {
  for (const folder of [root, process.cwd()]) {
    try {
      return dirname(createRequire(join(folder, 'index.js')).resolve(`${faceApi}/package.json`))
    } catch {}
  }
  return undefined
}

function notInstalled(what: 'model' | 'detector', others: readonly string[]): never {
  const ways = [`  npm install ${ourPackage}    which has a default one (MIT)`, ...others]
  const looked = what === 'model' ? 'No model was given, and no default one was found' : 'No face detector was found'
  throw new FaceNetError('ERR_FACENET_IO', `${looked}. Any of these helps:\n${ways.join('\n')}`, {
    argument: what,
    expected: `a ${what}, or the package ${ourPackage}`,
    received: 'neither',
  })
}
