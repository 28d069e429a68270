/** From weights to a model in the cache: fetched, or imported from a file that is there. */
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import yauzl from 'yauzl'
import { FaceNetError, invalidArgument } from '../errors.js'
import { writeAtomically } from '../files/atomic_write.js'
import { verifyDetector, writeDetector } from '../files/model/detector_file.js'
import { verifyModel, writeModel } from '../files/model/model_file.js'
import { discard, settled, temporaryBeside } from '../files/temporary.js'
import { cacheFolder, isReadable } from './cache.js'
import { type DownloadOptions, download, hashOf, refused } from './download.js'
import type { KnownModel } from './known.js'
import { cachedFile, knownModel, notFetched } from './resolve.js'
import { knownModels } from './table.js'

/** What the cache keeps beside a model: what it was made of. */
export interface ModelRecord {
  /** sha-256 of what was fetched or imported. */
  readonly sha256: string
  /** Whether the publisher states it; where not, the first that came was trusted. */
  readonly published: boolean
  /** Address or path. */
  readonly source: string
  /** When, as ISO 8601. */
  readonly date: string
}

/** Options of `pullModel` and `importKnownModel`. */
export interface PullOptions extends DownloadOptions {
  /** That the licence was read and holds: asked of models that may not be used commercially. */
  acceptLicense?: boolean
  /** The cache; that of the user where it is left out. */
  folder?: string
}

/** The entry of a name. Throws ERR_FACENET_INVALID_ARGUMENT that lists the names. */
export function modelNamed(name: string): KnownModel {
  const model = knownModel(name)
  if (!model) throw invalidArgument('name', `one of ${knownModels.map((known) => known.name).join(', ')}`, name)
  return model
}

/** Fetches a model into the cache where it is not there whole already; resolves with its file. */
export async function pullModel(model: KnownModel, options: PullOptions = {}): Promise<string> {
  const { origin, obstacle, name } = model
  if (origin.kind === 'package')
    throw invalidArgument('name', 'a model that is fetched', `${name}, which comes in a package`)
  if (origin.kind === 'page' || obstacle !== null) throw notFetched(model)
  checkLicence(model, options)
  const file = fileIn(model, options)
  if (await isWhole(model, file)) return file
  const { url, sha256, bytes } = origin
  const known = await readRecord(model, options)
  const fetched = join(dirname(dirname(file)), 'downloads', `${name}-${basename(new URL(url).pathname)}`)
  const found = await download({ url, sha256, bytes }, fetched, options)
  try {
    if (known?.source === url && known.sha256 !== found) {
      const now = `sha-256 ${found}`
      throw new FaceNetError(
        'ERR_FACENET_IO',
        `What ${url} has is another file than before: ${now}, then ${known.sha256}.\nTo trust the new one, run: npx facenet-native models remove ${name}`,
        { argument: name, expected: known.sha256, received: found },
      )
    }
    return await importInto(model, fetched, file, { sha256: found, published: sha256 !== null, source: url })
  } finally {
    await rm(fetched, { force: true })
  }
}

/** Imports a model from a file that was brought by other means; resolves with its file in the cache. */
export async function importKnownModel(model: KnownModel, path: string, options: PullOptions = {}): Promise<string> {
  checkLicence(model, options)
  const { origin } = model
  const sha256 = await hashOf(path).catch((cause) => {
    throw new FaceNetError('ERR_FACENET_IO', `Cannot read ${path}: ${(cause as Error).message}`, {
      argument: 'file',
      cause,
    })
  })
  const stated = origin.kind === 'address' && origin.member === null ? origin.sha256 : null
  if (stated !== null && stated !== sha256) throw invalidArgument('file', `the file with sha-256 ${stated}`, sha256)
  return importInto(model, path, fileIn(model, options), { sha256, published: stated !== null, source: path })
}

/** Removes a model and what is known of its weights from the cache; resolves with whether it was there. */
export async function removeModel(model: KnownModel, options: Pick<PullOptions, 'folder'> = {}): Promise<boolean> {
  const file = fileIn(model, options)
  const there = await isReadable(file)
  await rm(file, { force: true })
  await rm(recordOf(file), { force: true })
  return there
}

/** What the cache knows of a model's weights; undefined where nothing. */
export async function readRecord(
  model: KnownModel,
  options: Pick<PullOptions, 'folder'> = {},
): Promise<ModelRecord | undefined> {
  return readFile(recordOf(fileIn(model, options)), 'utf8').then(
    (text): ModelRecord => JSON.parse(text),
    () => undefined,
  )
}

const recordOf = (file: string) => file.replace(/\.safetensors$/, '.json')

function fileIn(model: KnownModel, { folder = cacheFolder() }: Pick<PullOptions, 'folder'>): string {
  const file = cachedFile(model, folder)
  if (file) return file
  throw new FaceNetError('ERR_FACENET_IO', 'There is no cache, as the user has no home: name one with FACENET_CACHE', {
    argument: 'FACENET_CACHE',
  })
}

function checkLicence({ name, licence }: KnownModel, { acceptLicense }: PullOptions): void {
  if (licence.commercial !== false || acceptLicense) return
  throw new FaceNetError(
    'ERR_FACENET_INVALID_ARGUMENT',
    `${name} may not be used commercially. Licence: ${licence.name}. ${licence.note ?? ''}\n` +
      'Whoever uses it for something else accepts that with --accept-license (acceptLicense: true in code)',
    { argument: 'acceptLicense', expected: 'true', received: String(acceptLicense) },
  )
}

/** A cache may be damaged: only a file whose fingerprint is that of its contents is taken for the model. */
async function isWhole({ kind }: KnownModel, file: string): Promise<boolean> {
  if (!(await isReadable(file))) return false
  return (kind === 'detector' ? verifyDetector(file) : verifyModel(file)).then(
    () => true,
    () => false,
  )
}

async function importInto(
  model: KnownModel,
  weights: string,
  file: string,
  from: Omit<ModelRecord, 'date'>,
): Promise<string> {
  await mkdir(dirname(file), { recursive: true }).catch((cause) => {
    throw refused(file, cause)
  })
  const member = model.origin.kind === 'address' ? model.origin.member : null
  const unpacked = extname(weights).toLowerCase() === '.zip' ? await unzip(weights, member, file) : undefined
  try {
    await convert(model, unpacked ?? weights, file, from.source)
  } finally {
    if (unpacked) await discard(unpacked)
  }
  const record: ModelRecord = { ...from, date: new Date().toISOString() }
  await writeAtomically(recordOf(file), (write) => write(Buffer.from(JSON.stringify(record))))
  return file
}

async function convert(model: KnownModel, weights: string, file: string, source: string): Promise<void> {
  const license = model.licence.name
  if (model.kind === 'detector') {
    const { importDetector } = await import('../convert/importers/import_detector.js')
    const contents = await importDetector(weights)
    if (!contents) throw invalidArgument('file', `the weights of ${model.title}`, 'those of no detector')
    await writeDetector(file, { ...contents, license, source })
    return
  }
  const { importModel } = await import('../convert/importers/import_model.js')
  const { rule, alignment, normalize, thresholds, name } = model
  const threshold = thresholds[0]?.value
  const notes = { name, alignment, normalize, license, source, ...(threshold !== undefined && { threshold }) }
  const contents = await importModel(weights, { ...rule, ...notes })
  await writeModel(file, contents)
}

/** The one file of that name in an archive, unpacked beside `file` under a name that nobody else has. */
async function unzip(archive: string, member: string | null, file: string): Promise<string> {
  if (member === null) throw invalidArgument('file', 'the weights themselves', 'a zip archive')
  const unique = temporaryBeside(file)
  settled(unique)
  // Importers go by the ending.
  const out = `${unique}${extname(member)}`
  let zip: yauzl.ZipFile | undefined
  try {
    zip = await yauzl.openPromise(archive, { lazyEntries: true, autoClose: false })
    for await (const entry of zip.eachEntry()) {
      if (basename(entry.fileName) !== member) continue
      const stream = await zip.openReadStreamPromise(entry)
      await pipeline(stream, createWriteStream(out, { flags: 'wx' }))
      return out
    }
  } catch (cause) {
    await discard(out)
    const { code, message } = cause as NodeJS.ErrnoException
    if (code?.startsWith('E')) throw refused(out, cause)
    throw invalidArgument(archive, 'a whole zip archive', message)
  } finally {
    zip?.close()
  }
  throw invalidArgument(archive, `an archive with the file ${member}`, 'one without')
}
