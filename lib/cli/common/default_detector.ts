/** The detector that nobody has to name: face-api's, imported from its npm package once and kept in the user's cache. */
import { constants } from 'node:fs'
import { access, mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { importFaceApi } from '../../convert/importers/face_api.js'
import { FaceNetError } from '../../errors.js'
import { type DetectorContents, writeDetector } from '../../files/model/detector_file.js'
import loader from '../../native/load.cjs'

const packageName = '@vladmandic/face-api'

/**
 * The detector: its file in the cache, which is imported at the first call. Where nothing can be written, as in a container or a
 * function of a cloud, it is imported into memory each time. Throws ERR_FACENET_IO where the package is not installed.
 */
export async function defaultDetector(folder = cacheFolder()): Promise<string | DetectorContents> {
  const source = findPackage()
  if (!source) throw notInstalled()
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { version: string }
  const path = folder && join(folder, `face-api-detector-${version}.safetensors`)
  if (path && (await isReadable(path))) return path
  const contents = await importFaceApi(join(source, 'model'))
  return path && (await store(path, contents)) ? path : contents
}

/** Whether it could be written. */
async function store(path: string, contents: DetectorContents): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeDetector(path, contents)
    return true
  } catch {
    return false
  }
}

/** Of another user's cache no more may be known than that it is there. */
const isReadable = (path: string) =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  )

/** Undefined where the user has no home, as under a number that no list of users knows. */
function cacheFolder(): string | undefined {
  const { XDG_CACHE_HOME: cache } = process.env
  try {
    return join(cache || join(homedir(), '.cache'), 'facenet-native')
  } catch {
    return undefined
  }
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
    '  --detector <file.safetensors>         or FACENET_DETECTOR: made by facenet-native import from YuNet, SCRFD or MTCNN',
    '  --align none|center|points            for images that show one face each, already cut out',
  ]
  return new FaceNetError('ERR_FACENET_IO', `No face detector was found. Any of these helps:\n${ways.join('\n')}`, {
    argument: 'detector',
    expected: `a detector, or the package ${packageName}`,
    received: 'neither',
  })
}
