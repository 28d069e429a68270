/** Model files: safetensors whose metadata holds the graph, see `metadata.ts`. */
import type { GraphDescription } from '../../../types/graph.js'
import type { StoredDType, TensorEntry, WeightSource } from '../../../types/native.js'
import { inferGraph } from '../../convert/networks/shapes.js'
import { invalidArgument, invalidModel } from '../../errors.js'
import type { WriteOptions } from '../atomic_write.js'
import { checkFingerprint, fingerprintOf } from './fingerprint.js'
import {
  decodeMetadata,
  describeGraph,
  encodeMetadata,
  isThreshold,
  type ModelMetadata,
  type ModelNotes,
  metadataKeys,
} from './metadata.js'
import { hasPalettes, paletteStorage, toPalettes } from './palette.js'
import { type ReadRange, type SafetensorsHeader, type Source, withHeader } from './safetensors.js'
import { writeSafetensors } from './safetensors_writer.js'
import { bytesOf, elementCount, type Tensors, weightSource } from './tensor.js'
import { readAllTensors } from './tensor_reader.js'

/** A model in memory, as importers make it. */
export interface ModelContents extends ModelNotes {
  /** The network. */
  graph: GraphDescription
  /** Must hold the tensors that the graph names; others are stored too. */
  tensors: Tensors
  /** Further entries of the metadata, under keys of their own. */
  extra?: Readonly<Record<string, string>>
}

/** How a model file is written. */
export interface StorageOptions {
  /**
   * A tensor of at most 256 values takes a byte an element. The values keep their bits, and the model its fingerprint; opening it
   * takes the memory of the whole tensors.
   * @default false
   */
  palettes?: boolean
}

/** A model file that was read: its tensors stay where they are. */
export interface Model {
  /** The network. */
  graph: GraphDescription
  /** Where the tensors are. */
  weights: WeightSource
  /** What the file says about itself. */
  metadata: ModelMetadata
  /** Entries of the metadata that are not ours. */
  extra: ReadonlyMap<string, string>
}

/**
 * Writes a model file, whole or not at all.
 *
 * @param path of the file.
 * @param contents graph, tensors and notes.
 * @param options whether the file that was there is kept, and how tensors of few values are stored.
 * @returns what the file says about itself.
 * @throws FaceNetError ERR_FACENET_MODEL_INVALID where tensors do not fit the graph; ERR_FACENET_IO where the disk
 *   refuses.
 *
 * @example
 * ```ts
 * const graph = networks.nns2.graph()
 * await writeModel('random.safetensors', { graph, tensors: initialWeights(graph, 1) })
 * ```
 */
export async function writeModel(
  path: string,
  contents: ModelContents,
  { palettes = false, ...options }: WriteOptions & StorageOptions = {},
): Promise<ModelMetadata> {
  const { graph, tensors, alignment = 'none', threshold, producer, license, source, extra } = contents
  if (threshold && !isThreshold(threshold.value)) throw invalidArgument('threshold', 'a number >= 0', threshold.value)
  const named = checkTensors(graph, tensors)
  const metadata: ModelMetadata = {
    ...describeGraph(graph),
    dtype: storedDtype(named.map((name) => tensors.get(name)!.dtype)),
    alignment,
    threshold,
    producer,
    license,
    source,
    fingerprint: await fingerprintOf(graph, tensors, ({ data }) => [bytesOf(data)]),
  }
  const map = { ...extra, ...encodeMetadata(graph, metadata) }
  if (palettes) await writeSafetensors(path, toPalettes(tensors), { ...map, ...paletteStorage }, options)
  else await writeSafetensors(path, tensors, map, options)
  return metadata
}

/** How a model file is read. */
export interface ReadModelOptions {
  /**
   * Reads all weights and compares them with the fingerprint that the file states.
   * @default false
   */
  verify?: boolean
}

/**
 * Reads and checks the header of a model file; the tensors stay where they are.
 *
 * @param source path or bytes of the file.
 * @param options whether the weights are looked at, too.
 * @throws FaceNetError ERR_FACENET_IO; ERR_FACENET_MODEL_INVALID where it is no model file, or damaged.
 *
 * @example
 * ```ts
 * const { metadata } = await readModel('m.safetensors')
 * console.log(metadata.network, metadata.dimensions)
 * ```
 */
export async function readModel(source: Source, { verify = false }: ReadModelOptions = {}): Promise<Model> {
  return withHeader(source, async (header, read) => {
    const { graph, metadata } = decodeMetadata(header.metadata)
    const inMemory = hasPalettes(header) ? await readAllTensors(header, read) : undefined
    const entries = tensorEntries(header)
    if (verify) {
      const found = inMemory
        ? await fingerprintOf(graph, inMemory, ({ data }) => [bytesOf(data)])
        : await fingerprintOf(graph, entries, (entry) => chunksOf(entry, read))
      checkFingerprint(metadata.fingerprint, found)
    }
    checkTensors(graph, inMemory ?? entries)
    const place = typeof source === 'string' ? { path: source, fileBytes: header.fileBytes } : { buffer: source }
    const weights = inMemory ? weightSource(inMemory) : { tensors: [...entries.values()], ...place }
    return { graph, metadata, extra: otherMetadata(header), weights }
  })
}

async function* chunksOf({ offset, bytes }: TensorEntry, read: ReadRange): AsyncGenerator<Uint8Array> {
  const chunkBytes = 1 << 20
  for (let done = 0; done < bytes; done += chunkBytes) {
    yield await read(offset + done, Math.min(chunkBytes, bytes - done))
  }
}

/** Entries of the metadata that are not ours. */
export const otherMetadata = ({ metadata }: SafetensorsHeader): ReadonlyMap<string, string> =>
  new Map([...metadata].filter(([key]) => !metadataKeys.has(key)))

/**
 * Reads a whole model file and compares its fingerprint with its contents.
 *
 * @param source path or bytes of the file.
 * @returns what the file says about itself.
 * @throws FaceNetError ERR_FACENET_MODEL_INVALID where the fingerprint is not that of the contents; ERR_FACENET_IO.
 *
 * @example
 * ```ts
 * await verifyModel('m.safetensors')
 * ```
 */
export async function verifyModel(source: Source): Promise<ModelMetadata> {
  const { metadata } = await readModel(source, { verify: true })
  return metadata
}

export function tensorEntries({ tensors }: SafetensorsHeader): Map<string, TensorEntry> {
  const entries = tensors.flatMap((entry): [string, TensorEntry][] => {
    if (entry.dtype !== 'F32' && entry.dtype !== 'BF16') return []
    return [[entry.name, { ...entry, dtype: entry.dtype === 'F32' ? 'f32' : 'bf16' }]]
  })
  return new Map(entries)
}

/** Checks that the tensors a graph names are there with their shapes. Returns their names. */
export function checkTensors(
  graph: GraphDescription,
  tensors: ReadonlyMap<string, { shape: readonly number[] }>,
): string[] {
  return inferGraph(graph).flatMap(({ node, tensors: named }) =>
    named.map(({ name, role, shape }) => {
      const stored = tensors.get(name)?.shape
      if (!stored) throw invalidModel(`${role} of ${node.name}`, `an F32 or BF16 tensor named ${name}`, 'none')
      // What is applied channel by channel may be one value for all of them.
      const one = role !== 'weight' && role !== 'bias' && elementCount(stored) === 1
      if (!one && stored.join('x') !== shape.join('x')) throw invalidModel(name, shape.join('x'), stored.join('x'))
      return name
    }),
  )
}

/** bf16 only where every weight is. */
export function storedDtype(dtypes: readonly StoredDType[]): StoredDType {
  return dtypes.length > 0 && dtypes.every((dtype) => dtype === 'bf16') ? 'bf16' : 'f32'
}
