/** `facenet serve`: faces and embeddings by HTTP. */
import { readFile } from 'node:fs/promises'
import { cannotRead } from '../../errors.js'
import { isStored } from '../../files/outputs/stored.js'
import { type Detector, type Model, openDetector, openModel } from '../../index.js'
import { defaultDetector } from '../../models/resolve.js'
import { native } from '../../native/addon.js'
import type { BatchingOptions } from '../../native/batching.js'
import { Faces, type FacesOptions } from '../../server/faces.js'
import { openKnown } from '../../server/gallery.js'
import { loadPackages } from '../../server/packages.js'
import { Server } from '../../server/server.js'
import { defaultSettings, isLoopback, type ServerSettings } from '../../server/settings.js'
import { readDetection, refuseDetecting } from '../common/alignment.js'
import { thresholdFor } from '../common/threshold.js'
import type { Context } from '../context.js'
import type { ServeOptions } from '../options/serve.js'
import { UsageError } from '../usage_error.js'

/** Shorter ones can be guessed. */
const leastKeyLength = 16

export async function run(context: Context<ServeOptions>): Promise<void> {
  const { options } = context
  if (options.align !== 'detect') refuseDetecting(context, options.align)
  const settings = await settingsOf(options)
  checkWritable(options, settings)
  const server = new Server(await loadPackages())
  const batching = (network: 'detect' | 'embed'): BatchingOptions => ({
    maxDelay: options.maxDelay,
    maxBatch: options.maxBatch,
    onBatch: (images) => server.metrics.batch(network, images),
  })
  const model = await openModel(options.model, { ...context.opening(), batching: batching('embed') })
  let detector: Detector | undefined
  try {
    detector = options.align === 'detect' ? await detectorOf(context, batching('detect')) : undefined
    await serve(context, server, settings, model, detector)
  } finally {
    await Promise.all([model.close(), detector?.close()])
  }
}

async function serve(
  context: Context<ServeOptions>,
  server: Server,
  settings: ServerSettings,
  model: Model,
  detector: Detector | undefined,
): Promise<void> {
  const { options } = context
  const how: FacesOptions['how'] = detector ? { align: 'detect', ...readDetection(context) } : { align: options.align }
  const preparation = model.preparationOf({ ...how, ...(detector && { detector }) })
  const { name, fingerprint, dimensions } = model
  const { threads } = context.opening()
  const opening = {
    fingerprint,
    dimensions,
    preparation,
    threads,
    allowMixed: options.allowMixed,
    writable: options.writable,
  }
  const gallery = options.gallery === undefined ? undefined : await openKnown(options.gallery, opening)
  const judged = await thresholdFor(options.threshold, model, { fingerprint, preparation }, options)
  const threshold = judged?.value ?? null
  const faces = new Faces({ model, detector, how, threshold, gallery, settings })
  const rows = gallery?.rows ?? null
  const info = {
    model: name,
    fingerprint,
    dimensions,
    threshold,
    preparation,
    gallery: rows,
    version: native().info().version,
  }
  const log = context.quiet ? undefined : process.stderr
  const address = await server.start({ faces, gallery, info, settings, log })
  try {
    await context.print(context.json ? JSON.stringify({ address }) : `listening on ${address}`)
    await stopped(context.signal)
  } finally {
    await server.stop(settings.drainTimeout)
    await gallery?.close()
  }
}

async function settingsOf(options: ServeOptions): Promise<ServerSettings> {
  const apiKey = await apiKeyOf(options)
  if (apiKey === undefined && !isLoopback(options.host) && !options.withoutKey) {
    throw new UsageError(
      `Others reach ${options.host}: set FACENET_API_KEY or --api-key-file, or say --without-key to answer everybody`,
    )
  }
  return {
    ...defaultSettings,
    host: options.host,
    port: options.port,
    apiKey,
    corsOrigins: options.corsOrigin,
    maxBodyBytes: Math.max(1, Math.floor(options.maxBodyMib * 2 ** 20)),
    maxPixels: Math.max(1, Math.floor(options.maxMegapixels * 1e6)),
    maxFaces: options.maxFaces,
    maxRequests: options.maxRequests,
    requestTimeout: options.requestSeconds * 1000,
    drainTimeout: options.drainSeconds * 1000,
  }
}

function checkWritable({ writable, gallery }: ServeOptions, { apiKey }: ServerSettings): void {
  if (!writable) return
  if (gallery === undefined) throw new UsageError('--writable is for --gallery')
  if (isStored(gallery)) throw new UsageError(`--writable is for galleries, and ${gallery} is a file of embeddings`)
  if (apiKey === undefined) throw new UsageError('--writable needs an API key: FACENET_API_KEY or --api-key-file')
}

/** A key on the command line would be seen by every user of the machine, so there is no option for it. */
async function apiKeyOf({ apiKeyFile, withoutKey }: ServeOptions): Promise<string | undefined> {
  const [given, where] =
    apiKeyFile === undefined
      ? [process.env.FACENET_API_KEY, 'FACENET_API_KEY']
      : [await readKey(apiKeyFile), apiKeyFile]
  if (given === undefined) return undefined
  if (withoutKey) throw new UsageError(`--without-key contradicts the API key of ${where}`)
  if (given.length < leastKeyLength) {
    throw new UsageError(`The API key of ${where} has ${given.length} characters, and ${leastKeyLength} is the least`)
  }
  return given
}

async function readKey(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).split('\n')[0]!.trim()
  } catch (cause) {
    throw cannotRead(path, 'a file with an API key', cause)
  }
}

function detectorOf(context: Context<ServeOptions>, batching: BatchingOptions): Promise<Detector> {
  const { device, threads, signal } = context.opening()
  const source = context.options.detector ?? (process.env.FACENET_DETECTOR || defaultDetector)
  return openDetector(source, { device, threads, signal, batching })
}

/** A first SIGTERM or SIGINT ends the command in good order; `main.ts` has a second one end it at once. */
function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
