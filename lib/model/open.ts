/** Opening of models. */
import type { GraphDescription } from '../../types/graph.js'
import type { DType, WeightSource } from '../../types/native.js'
import { invalidArgument, invalidModel } from '../errors.js'
import { type FileSource, fileSource, isUrl, pathOf } from '../files/file_source.js'
import { fingerprintOf } from '../files/model/fingerprint.js'
import { describeGraph, type ModelMetadata } from '../files/model/metadata.js'
import { readModel } from '../files/model/model_file.js'
import { bytesOf, weightSource } from '../files/model/tensor.js'
import { readUnchanged } from '../files/unchanged.js'
import { type NamedOptions, namedModel } from '../models/named.js'
import { defaultModel } from '../models/resolve.js'
import { native, nativeCall } from '../native/addon.js'
import { type BatchingOptions, checkBatching } from '../native/batching.js'
import {
  checkFlag,
  checkOneOf,
  checkOptions,
  checkSignal,
  checkThreads,
  type DevicePreference,
  devicePreferences,
  dtypes,
  throwIfAborted,
} from '../native/check_arguments.js'
import { checkDeviceIndex, resolveDevice } from '../native/devices.js'
import { checkInMemory, type ModelInMemory } from './in_memory.js'
import { type Model, makeModel } from './model.js'

/** Options of `openModel`. */
export interface OpenModelOptions extends NamedOptions {
  /**
   * `auto`: CUDA where it can be used, else the CPU; `model.device.reason` says why.
   * @default 'auto'
   */
  device?: DevicePreference
  /** Of several CUDA devices, the one that CUDA gives this number (`facenet info`). The first usable where it is left out. */
  deviceIndex?: number
  /**
   * Precision of weights and activations; sums are fp32 either way. `f16` is not for the CPU.
   * @default 'f32'
   */
  dtype?: DType
  /** CPU threads, 1..1024; every core where it is left out. On CUDA they only bring images to the device. */
  threads?: number
  /**
   * Reads all weights and compares them with the fingerprint that the file states: a damaged file is an error, not other embeddings.
   * It is a sha-256 of the weights: 2 s for the 560 MB of NN1, whose opening took 11 s beside it on a busy machine.
   * @default true
   */
  verify?: boolean
  /**
   * Concurrent calls of `embed` are computed together, as a server's are that embeds an image per request; `{}` takes the defaults.
   * Without it each call is computed alone.
   */
  batching?: BatchingOptions
  /** Rejects with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
}

/**
 * Opens a model: a model file by its path, its `file:` URL or its bytes, a model in memory, or a well-known model by its name
 * (`facenet models list`; a file of that name is opened as `./name`). Without a source it is the default model, `dlib`, which
 * comes in the package `@facenet-native/models`. Without `pull` nothing is fetched: for a model that is not there the error says the command.
 *
 * @param source the model. Bytes are read until the promise settles.
 * @param options where it runs and how precisely.
 * @throws FaceNetError ERR_FACENET_IO or ERR_FACENET_MODEL_INVALID for the file, ERR_FACENET_CUDA_UNAVAILABLE where
 *   `cuda` is asked for and cannot be used, ERR_FACENET_CUDA_OOM where the weights do not fit on the device,
 *   ERR_FACENET_INVALID_ARGUMENT for an option, ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * await using model = await openModel(new URL('./m.safetensors', import.meta.url), { device: 'cpu', dtype: 'bf16' })
 * await using shared = await openModel('./m.safetensors', { batching: { maxDelay: 2, maxQueue: 256 } })
 * ```
 */
export function openModel(): Promise<Model>
export function openModel(source: FileSource | ModelInMemory, options?: OpenModelOptions): Promise<Model>
export async function openModel(
  ...given: [source?: FileSource | ModelInMemory, options?: OpenModelOptions]
): Promise<Model> {
  // Undefined is a source that was not found, which must not become the default one.
  const [source, options = {}] = given.length === 0 ? [defaultModel] : given
  const known = ['device', 'deviceIndex', 'dtype', 'threads', 'batching', 'verify', 'signal', 'pull', 'acceptLicense']
  checkOptions(options, 'options', known)
  const preference = checkOneOf(options.device ?? 'auto', 'options.device', devicePreferences)
  const deviceIndex = checkDeviceIndex(options.deviceIndex, preference)
  const dtype = checkOneOf(options.dtype ?? 'f32', 'options.dtype', dtypes)
  const threads = checkThreads(options.threads)
  const batching = checkBatching(options.batching)
  const signal = checkSignal(options.signal)
  checkFlag(options.verify, 'options.verify')
  checkFlag(options.pull, 'options.pull')
  checkFlag(options.acceptLicense, 'options.acceptLicense')
  throwIfAborted(signal)
  const device = resolveDevice(preference, deviceIndex)
  if (device.kind === 'cpu' && dtype === 'f16') throw invalidArgument('options.dtype', 'f32 or bf16 on the CPU', dtype)
  // Bytes are read before anything is waited for: their memory may be transferred as soon as the call returns.
  const found = typeof source === 'string' ? await namedModel(source, options) : source
  const where = { device: device.kind, ...(deviceIndex !== undefined && { deviceIndex }), dtype, threads }
  const open = async () => {
    const { graph, weights, metadata } = await load(found, options.verify ?? true)
    if (graph.input.dtype !== 'u8') throw invalidModel('graph.input.dtype', 'u8, images', graph.input.dtype)
    throwIfAborted(signal)
    return { metadata, native: await nativeCall(() => native().openModel(graph, weights, where)) }
  }
  // The addon reads the weights by the path, after the header was read.
  const path = isUrl(found) ? pathOf(found, 'source') : found
  const { metadata, native: opened } =
    typeof path === 'string' ? await readUnchanged(path, open, ({ native }) => native.dispose()) : await open()
  if (signal?.aborted) opened.dispose()
  throwIfAborted(signal)
  return makeModel({ native: opened, metadata, device, dtype, batching })
}

interface LoadedModel {
  graph: GraphDescription
  weights: WeightSource
  metadata: ModelMetadata
}

async function load(source: FileSource | ModelInMemory | undefined, verify: boolean): Promise<LoadedModel> {
  const file = fileSource(source, 'source')
  if (file !== undefined) return readModel(file, { verify })
  const { graph, tensors, notes } = checkInMemory(
    source,
    'the bytes of a model file, a file: URL, the name of a model, a path',
  )
  const fingerprint = await fingerprintOf(graph, tensors, ({ data }) => [bytesOf(data)])
  const dtype = [...tensors.values()].every((tensor) => tensor.dtype === 'bf16') ? 'bf16' : 'f32'
  const { alignment = 'none' } = notes
  const metadata = { ...describeGraph(graph), ...notes, alignment, dtype, fingerprint } as const
  return { graph, weights: weightSource(tensors), metadata }
}
