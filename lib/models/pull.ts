/** From weights to a model in the cache: fetched, or imported from a file that is there. */

import { readFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import yauzl from 'yauzl'
import { detectorIn } from '../convert/importers/import_detector.js'
import { modelIn } from '../convert/importers/import_model.js'
import { maxWeightsBytes, WeightsFile } from '../convert/importers/weights_file.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { writeAtomically } from '../files/atomic_write.js'
import { makeFolder } from '../files/make_folder.js'
import { writeDetector } from '../files/model/detector_file.js'
import { writeModel } from '../files/model/model_file.js'
import { cacheFolder, isReadable } from './cache.js'
import { type DownloadOptions, download, refused } from './download.js'
import type { KnownModel } from './known.js'
import { cachedFile, knownModel, notFetched } from './resolve.js'
import { knownModels } from './table.js'
import { isWhole } from './whole.js'

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
  await download({ url, sha256, bytes }, fetched, options)
  try {
    const weights = new WeightsFile(fetched)
    // Another process that fetches the same may have replaced the file since, or imported and removed it.
    const found = await weights.sha256().catch(async (cause) => {
      if (await isWhole(model, file)) return undefined
      throw cause
    })
    if (found === undefined) return file
    if (known?.source === url && known.sha256 !== found) {
      const now = `sha-256 ${found}`
      throw new FaceNetError(
        'ERR_FACENET_IO',
        `What ${url} has is another file than before: ${now}, then ${known.sha256}.\nTo trust the new one, run: npx facenet-native models remove ${name}`,
        { argument: name, expected: known.sha256, received: found },
      )
    }
    return await importInto(model, weights, file, { published: checkHash(url, found, sha256), source: url })
  } finally {
    await rm(fetched, { force: true })
  }
}

/** Imports a model from a file that was brought by other means; resolves with its file in the cache. */
export async function importKnownModel(model: KnownModel, path: string, options: PullOptions = {}): Promise<string> {
  checkLicence(model, options)
  const { origin } = model
  const weights = new WeightsFile(path)
  const stated = origin.kind === 'address' && origin.member === null ? origin.sha256 : null
  const published = checkHash('file', await weights.sha256(), stated)
  return importInto(model, weights, fileIn(model, options), { published, source: path })
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

/** Whether the hash is stated by the publisher. */
function checkHash(argument: string, found: string, stated: string | null): boolean {
  if (stated !== null && stated !== found) throw invalidArgument(argument, `the file with sha-256 ${stated}`, found)
  return stated !== null
}

async function importInto(
  model: KnownModel,
  weights: WeightsFile,
  file: string,
  from: Pick<ModelRecord, 'published' | 'source'>,
): Promise<string> {
  await makeFolder(dirname(file)).catch((cause) => {
    throw refused(file, cause)
  })
  const member = model.origin.kind === 'address' ? model.origin.member : null
  await convert(model, weights.extension === '.zip' ? await unzip(weights, member) : weights, file, from.source)
  const record: ModelRecord = { sha256: await weights.sha256(), ...from, date: new Date().toISOString() }
  await writeAtomically(recordOf(file), (write) => write(Buffer.from(JSON.stringify(record))))
  return file
}

async function convert(model: KnownModel, weights: WeightsFile, file: string, source: string): Promise<void> {
  const license = model.licence.name
  if (model.kind === 'detector') {
    const contents = await detectorIn(weights)
    if (!contents) throw invalidArgument('file', `the weights of ${model.title}`, 'those of no detector')
    await writeDetector(file, { ...contents, license, source })
    return
  }
  const { rule, alignment, normalize, thresholds, name } = model
  const threshold = thresholds[0]?.value
  const notes = { name, alignment, normalize, license, source, ...(threshold !== undefined && { threshold }) }
  await writeModel(file, await modelIn(weights, { ...rule, ...notes }))
}

/** The one file of that name in an archive. */
async function unzip(archive: WeightsFile, member: string | null): Promise<WeightsFile> {
  const { path } = archive
  if (member === null) throw invalidArgument('file', 'the weights themselves', 'a zip archive')
  const bytes = await archive.bytes()
  try {
    const zip = await yauzl.fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), {
      lazyEntries: true,
    })
    for await (const entry of zip.eachEntry()) {
      if (basename(entry.fileName) !== member) continue
      if (entry.uncompressedSize > maxWeightsBytes) {
        throw invalidArgument(member, `at most ${maxWeightsBytes} bytes`, `${entry.uncompressedSize} bytes`)
      }
      // No more comes than the archive says there is.
      return new WeightsFile(join(path, member), await buffer(await zip.openReadStreamPromise(entry)))
    }
  } catch (cause) {
    if (cause instanceof FaceNetError) throw cause
    throw invalidArgument(path, 'a whole zip archive', (cause as Error).message)
  }
  throw invalidArgument(path, `an archive with the file ${member}`, 'one without')
}
