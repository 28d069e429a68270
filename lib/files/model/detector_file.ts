/**
 * Files of detectors: safetensors as `model_file.ts` writes them, whose metadata holds several graphs, each with any number
 * of outputs.
 *
 * | key | value |
 * |---|---|
 * | `format`, `formatVersion` | as in `metadata.ts` |
 * | `detector` | which one it is, and so what is done with the outputs: `mtcnn`, `yunet`, `scrfd`, `retinaface` or `face-api` |
 * | `graphs` | JSON of an object: a `GraphDescription` by what it is for (`pnet`, `detect`, ...); they share the tensors |
 * | `dtype` | `f32` or `bf16`: of the stored weights |
 * | `producer`, `license`, `source` | free text |
 * | `fingerprint` | see `fingerprint.ts` |
 */
import type { GraphDescription } from '../../../types/graph.js'
import type { StoredDType, WeightSource } from '../../../types/native.js'
import { invalidModel } from '../../errors.js'
import { isObject, parseStrictJson } from '../strict_json.js'
import { checkFingerprint, detectorFingerprint } from './fingerprint.js'
import { checkGraph } from './graph_schema.js'
import { checkFormat, decodeDtype, decodeFingerprint, format, formatVersion, required } from './metadata.js'
import { checkTensors, type StorageOptions, storedDtype } from './model_file.js'
import { paletteStorage, toPalettes } from './palette.js'
import { readHeader, type SafetensorsHeader, type Source, withHeader } from './safetensors.js'
import { writeSafetensors } from './safetensors_writer.js'
import { bytesOf, type Tensors, weightSource } from './tensor.js'
import { readAllTensors } from './tensor_reader.js'

/** The detectors there are. */
export type DetectorKind = 'mtcnn' | 'yunet' | 'scrfd' | 'retinaface' | 'face-api'
/** Names of the detectors. */
export const detectorKinds: readonly DetectorKind[] = ['mtcnn', 'yunet', 'scrfd', 'retinaface', 'face-api']

/** Graphs by what they are for. */
export type Graphs = Readonly<Record<string, GraphDescription>>

/** Free text about a detector's weights. */
export interface DetectorNotes {
  /** What made the file. */
  producer?: string
  /** Licence of the weights. */
  license?: string
  /** Where the weights come from. */
  source?: string
}

/** A detector in memory, as importers make it. */
export interface DetectorContents extends DetectorNotes {
  /** Which detector it is, and so what is done with the outputs. */
  detector: DetectorKind
  /** The detector's networks. */
  graphs: Graphs
  /** Must hold the tensors that the graphs name. */
  tensors: Tensors
}

/** What a detector's file says about itself. */
export interface DetectorMetadata extends DetectorNotes {
  /** Which detector it is. */
  detector: DetectorKind
  /** Type of the stored weights. */
  dtype: StoredDType
  /** Hash of kind, graphs and weights, as 64 hexadecimal digits. */
  fingerprint: string
}

/** A detector's file that was read. It is planned anew for each size of image, so its tensors are in memory. */
export interface DetectorFile {
  /** The detector's networks. */
  graphs: Graphs
  /** The tensors. */
  weights: WeightSource
  /** What the file says about itself. */
  metadata: DetectorMetadata
}

/**
 * Whether the header of a file says that it is a detector's.
 *
 * @param source path or bytes of a safetensors file.
 * @throws FaceNetError ERR_FACENET_IO; ERR_FACENET_MODEL_INVALID where it is no safetensors file.
 *
 * @example
 * ```ts
 * if (await isDetectorFile('weights.safetensors')) await openDetector('weights.safetensors')
 * ```
 */
export async function isDetectorFile(source: Source): Promise<boolean> {
  const { metadata } = await readHeader(source)
  return metadata.has('detector')
}

/**
 * Writes a detector's file, whole or not at all.
 *
 * @param path of the file.
 * @param contents graphs, tensors and notes.
 * @param options how tensors of few values are stored.
 * @returns what the file says about itself.
 * @throws FaceNetError ERR_FACENET_MODEL_INVALID where tensors do not fit the graphs; ERR_FACENET_IO where the disk
 *   refuses.
 *
 * @example
 * ```ts
 * const contents = await importDetector('yunet.onnx')
 * if (contents) await writeDetector('d.safetensors', contents)
 * ```
 */
export async function writeDetector(
  path: string,
  contents: DetectorContents,
  { palettes = false }: StorageOptions = {},
): Promise<DetectorMetadata> {
  const metadata = await describeDetector(contents)
  const { detector, dtype, fingerprint, producer, license, source } = metadata
  const notes = Object.entries({ producer, license, source }).filter((entry): entry is [string, string] => !!entry[1])
  await writeSafetensors(path, palettes ? toPalettes(contents.tensors) : contents.tensors, {
    format,
    formatVersion: String(formatVersion),
    detector,
    graphs: JSON.stringify(contents.graphs),
    dtype,
    ...Object.fromEntries(notes),
    ...(palettes && paletteStorage),
    fingerprint,
  })
  return metadata
}

/**
 * Reads a detector's file, all of it, from one open file, and compares its fingerprint with its contents.
 *
 * @param source path or bytes of the file.
 * @throws FaceNetError ERR_FACENET_IO; ERR_FACENET_MODEL_INVALID where it is no detector's file, or damaged.
 *
 * @example
 * ```ts
 * const { metadata } = await readDetector('d.safetensors')
 * console.log(metadata.detector, metadata.fingerprint)
 * ```
 */
export async function readDetector(source: Source): Promise<DetectorFile> {
  return withHeader(source, async (header, read) => {
    const { graphs, metadata } = decode(header)
    const values = await readAllTensors(header, read)
    checkAll(graphs, values)
    const found = await detectorFingerprint(metadata.detector, graphs, values, ({ data }) => [bytesOf(data)])
    checkFingerprint(metadata.fingerprint, found)
    return { graphs, metadata, weights: weightSource(values) }
  })
}

function decode({ metadata: map }: SafetensorsHeader): Pick<DetectorFile, 'graphs' | 'metadata'> {
  checkFormat(map)
  if (!map.has('detector')) {
    throw invalidModel('model', 'a detector', `the network ${map.get('network') ?? ''}, which embeds faces`)
  }
  const metadata: DetectorMetadata = {
    detector: checkKind(map.get('detector')),
    dtype: decodeDtype(map),
    fingerprint: decodeFingerprint(map),
    producer: map.get('producer'),
    license: map.get('license'),
    source: map.get('source'),
  }
  return { graphs: checkGraphs(parseStrictJson(required(map, 'graphs'), 'graphs')), metadata }
}

/** The names of all tensors that the graphs name, which must be there. */
const checkAll = (graphs: Graphs, tensors: Parameters<typeof checkTensors>[1]) =>
  Object.values(graphs).flatMap((graph) => checkTensors(graph, tensors))

/** A detector in memory as if it had been read from a file. */
export async function detectorInMemory(contents: DetectorContents): Promise<DetectorFile> {
  const metadata = await describeDetector(contents)
  return { graphs: contents.graphs, weights: weightSource(contents.tensors), metadata }
}

async function describeDetector(contents: DetectorContents): Promise<DetectorMetadata> {
  const { tensors, producer, license, source } = contents
  const detector = checkKind(contents.detector)
  const graphs = checkGraphs(contents.graphs)
  const named = checkAll(graphs, tensors)
  const dtype = storedDtype(named.map((name) => tensors.get(name)!.dtype))
  const fingerprint = await detectorFingerprint(detector, graphs, tensors, ({ data }) => [bytesOf(data)])
  return { detector, dtype, fingerprint, producer, license, source }
}

function checkKind(kind: unknown): DetectorKind {
  const known = detectorKinds.find((name) => name === kind)
  if (!known) throw invalidModel('detector', `one of ${detectorKinds.join(', ')}`, kind)
  return known
}

function checkGraphs(value: unknown): Graphs {
  if (!isObject(value) || Object.keys(value).length === 0) {
    throw invalidModel('graphs', 'an object with at least one graph', value)
  }
  return Object.fromEntries(Object.entries(value).map(([key, graph]) => [key, checkGraph(graph)]))
}
