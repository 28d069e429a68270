/** The detector that nobody has to name: face-api's, imported from its npm package once and kept in the user's cache. */
import { mkdir, readFile, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { importFaceApi } from '../../convert/importers/face_api.js'
import { FaceNetError } from '../../errors.js'
import { writeDetector } from '../../files/model/detector_file.js'
import loader from '../../native/load.cjs'

const packageName = '@vladmandic/face-api'

/** Path of the detector's file; imported at the first call. Throws ERR_FACENET_IO where the package is not installed. */
export async function defaultDetector(folder = cacheFolder()): Promise<string> {
  const source = findPackage()
  if (!source) throw notInstalled()
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { version: string }
  const path = join(folder, `face-api-detector-${version}.safetensors`)
  if (await stat(path).catch(() => undefined)) return path
  await mkdir(folder, { recursive: true })
  await writeDetector(path, await importFaceApi(join(source, 'model')))
  return path
}

function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'facenet-native')
}

/** Beside this package, or in the project that the command runs in. */
function findPackage(): string | undefined {
  for (const folder of [loader.packageRoot(), process.cwd()]) {
    try {
      return dirname(createRequire(join(folder, 'index.js')).resolve(`${packageName}/package.json`))
    } catch {}
  }
  return undefined
}

function notInstalled(): FaceNetError {
  const ways = [
    `  npm install ${packageName}        whose detector is then used (MIT)`,
    '  --detector <file.safetensors>         or FACENET_DETECTOR: made by facenet-native import from YuNet (.onnx) or MTCNN',
    '  --align none|center|points            for images that show one face each, already cut out',
  ]
  return new FaceNetError('ERR_FACENET_IO', `No face detector was found. Any of these helps:\n${ways.join('\n')}`, {
    argument: 'detector',
    expected: `a detector, or the package ${packageName}`,
    received: 'neither',
  })
}
