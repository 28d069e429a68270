/**
 * What a model file says about itself, as the string map of safetensors holds it.
 *
 * | key | value |
 * |---|---|
 * | `format`, `formatVersion` | `facenet-native`, `1` |
 * | `network` | name of the network |
 * | `graph` | JSON of a `GraphDescription`, preprocessing included |
 * | `dtype` | `f32` or `bf16`: of the stored weights |
 * | `dimensions`, `inputSize` | `128`; `150x150` (height x width) |
 * | `unitLength` | `true` where embeddings have length 1 |
 * | `alignment` | template that faces are aligned to: `dlib`, `arcface112`, ..., `none` |
 * | `threshold` | JSON `{ value, metric: 'squared-l2' }`: same person below it; left out where unknown |
 * | `producer`, `license`, `source` | free text |
 * | `storage` | `palette` where tensors are stored as `palette.ts` says; left out elsewhere |
 * | `fingerprint` | see `fingerprint.ts` |
 */
import type { GraphDescription } from '../../../types/graph.js'
import type { StoredDType } from '../../../types/native.js'
import { activationShapes } from '../../convert/networks/shapes.js'
import { invalidModel } from '../../errors.js'
import { isObject, parseStrictJson } from '../strict_json.js'
import { checkGraph } from './graph_schema.js'

export const format = 'facenet-native'
export const formatVersion = 1

/** The keys that are ours; a file may hold others. */
export const metadataKeys: ReadonlySet<string> = new Set([
  'format',
  'formatVersion',
  'network',
  'graph',
  'dtype',
  'dimensions',
  'inputSize',
  'unitLength',
  'alignment',
  'threshold',
  'producer',
  'license',
  'source',
  'storage',
  'fingerprint',
])

/**
 * Distance below which two faces count as one person. Distances are squared L2 throughout: dlib's Euclidean 0.6 is 0.36
 * here.
 */
export interface Threshold {
  /** 0 or greater. */
  value: number
  /** Always squared L2. */
  metric: 'squared-l2'
}

/** What whoever makes a model knows about it beyond graph and tensors. */
export interface ModelNotes {
  /** Template that faces are aligned to, as in `arcface112`; `none`: whole images. */
  alignment?: string
  /** Distance below which two faces count as one person, where it is known. */
  threshold?: Threshold
  /** What made the file. */
  producer?: string
  /** Licence of the weights. */
  license?: string
  /** Where the weights come from. */
  source?: string
}

/** What a model file says about itself. */
export interface ModelMetadata extends ModelNotes {
  /** Name of the network. */
  network: string
  /** Type of the stored weights. */
  dtype: StoredDType
  /** Floats of one embedding. */
  dimensions: number
  /** `[height, width]` in pixels. */
  inputSize: [number, number]
  /** Whether embeddings have length 1. */
  unitLength: boolean
  /** Template that faces are aligned to; `none`: whole images. */
  alignment: string
  /** Hash of graph, weights and preprocessing, as 64 hexadecimal digits. */
  fingerprint: string
}

/** What follows from the graph alone. Throws where it has not exactly one output. */
export function describeGraph(
  graph: GraphDescription,
): Pick<ModelMetadata, 'network' | 'dimensions' | 'inputSize' | 'unitLength'> {
  const [output, ...others] = graph.outputs
  if (output === undefined || others.length > 0) {
    throw invalidModel('graph.outputs', 'one output, the embedding', graph.outputs)
  }
  const shape = activationShapes(graph).get(output)
  if (!shape) throw invalidModel('graph.outputs', 'the name of a node', output)
  return {
    network: graph.name,
    dimensions: shape[0] * shape[1] * shape[2],
    inputSize: [graph.input.height, graph.input.width],
    unitLength: graph.nodes.find(({ name }) => name === output)?.op === 'l2_normalize',
  }
}

export function encodeMetadata(graph: GraphDescription, metadata: ModelMetadata): Record<string, string> {
  const { threshold, producer, license, source } = metadata
  const optional = { threshold: threshold && JSON.stringify(threshold), producer, license, source }
  return {
    format,
    formatVersion: String(formatVersion),
    network: metadata.network,
    graph: JSON.stringify(graph),
    dtype: metadata.dtype,
    dimensions: String(metadata.dimensions),
    inputSize: metadata.inputSize.join('x'),
    unitLength: String(metadata.unitLength),
    alignment: metadata.alignment,
    ...Object.fromEntries(
      Object.entries(optional).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    fingerprint: metadata.fingerprint,
  }
}

/** The other way round. What the graph says is taken from the graph; the map must not contradict it. */
export function decodeMetadata(map: ReadonlyMap<string, string>): { graph: GraphDescription; metadata: ModelMetadata } {
  checkFormat(map)
  if (map.has('detector')) {
    throw invalidModel('model', 'a network that embeds faces', `the detector ${map.get('detector')}`)
  }
  const graph = checkGraph(parseStrictJson(required(map, 'graph'), 'graph'))
  const described = describeGraph(graph)
  const metadata: ModelMetadata = {
    ...described,
    dtype: decodeDtype(map),
    alignment: map.get('alignment') ?? 'none',
    threshold: decodeThreshold(map.get('threshold')),
    producer: map.get('producer'),
    license: map.get('license'),
    source: map.get('source'),
    fingerprint: decodeFingerprint(map),
  }
  for (const key of ['network', 'dimensions', 'inputSize', 'unitLength'] as const) {
    const expected = key === 'inputSize' ? described.inputSize.join('x') : String(described[key])
    if (required(map, key) !== expected) throw invalidModel(key, `${expected}, as the graph says`, map.get(key))
  }
  return { graph, metadata }
}

/** Throws where the map is not that of a file of ours. */
export function checkFormat(map: ReadonlyMap<string, string>): void {
  if (map.get('format') !== format) {
    throw invalidModel('format', `'${format}' (other weights go through \`facenet-native import\`)`, map.get('format'))
  }
  if (map.get('formatVersion') !== String(formatVersion)) {
    throw invalidModel('formatVersion', `${formatVersion}`, map.get('formatVersion'))
  }
}

export function decodeDtype(map: ReadonlyMap<string, string>): StoredDType {
  const dtype = required(map, 'dtype')
  if (dtype !== 'f32' && dtype !== 'bf16') throw invalidModel('dtype', 'f32 or bf16', dtype)
  return dtype
}

export function decodeFingerprint(map: ReadonlyMap<string, string>): string {
  const fingerprint = required(map, 'fingerprint')
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) throw invalidModel('fingerprint', '64 hexadecimal digits', fingerprint)
  return fingerprint
}

export function required(map: ReadonlyMap<string, string>, key: string): string {
  const value = map.get(key)
  if (value === undefined) throw invalidModel(key, 'an entry in the metadata', undefined)
  return value
}

function decodeThreshold(text: string | undefined): Threshold | undefined {
  if (text === undefined) return undefined
  const value = parseStrictJson(text, 'threshold')
  if (!isObject(value) || value.metric !== 'squared-l2' || !isThreshold(value.value)) {
    throw invalidModel('threshold', "{ value: a number >= 0, metric: 'squared-l2' }", value)
  }
  return { value: value.value, metric: value.metric }
}

export function isThreshold(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
