/**
 * The fingerprint of a model: sha-256, as hex, over its graph (preprocessing is a node of it) and the bytes of the tensors
 * that the graph names. Equal fingerprints mean comparable embeddings. The network's name is left out: it changes nothing.
 */
import { createHash } from 'node:crypto'
import type { GraphDescription } from '../../../types/graph.js'
import { tensorShapes } from '../../convert/networks/shapes.js'
import { invalidModel } from '../../errors.js'
import { isObject } from '../strict_json.js'

/** What is hashed of a tensor before its bytes. */
export interface FingerprintEntry {
  dtype: string
  shape: readonly number[]
}

/** `chunks` yields a tensor's bytes in order, in pieces of any size. */
export async function fingerprintOf<Entry extends FingerprintEntry>(
  graph: GraphDescription,
  tensors: ReadonlyMap<string, Entry>,
  chunks: (entry: Entry) => Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<string> {
  return hashOf({ ...graph, name: undefined }, tensorShapes(graph).keys(), tensors, chunks)
}

/** The same for what is made of several graphs, whose names count: they say what each is for. */
export async function detectorFingerprint<Entry extends FingerprintEntry>(
  detector: string,
  graphs: Readonly<Record<string, GraphDescription>>,
  tensors: ReadonlyMap<string, Entry>,
  chunks: (entry: Entry) => Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<string> {
  const unnamed = Object.entries(graphs).map(([key, graph]) => [key, { ...graph, name: undefined }])
  const names = new Set(Object.values(graphs).flatMap((graph) => [...tensorShapes(graph).keys()]))
  return hashOf({ detector, graphs: Object.fromEntries(unnamed) }, names, tensors, chunks)
}

/** Throws where the fingerprint that a file states is not that of its contents. */
export function checkFingerprint(stated: string, found: string): void {
  if (found !== stated) throw invalidModel('fingerprint', stated, found)
}

async function hashOf<Entry extends FingerprintEntry>(
  description: object,
  names: Iterable<string>,
  tensors: ReadonlyMap<string, Entry>,
  chunks: (entry: Entry) => Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<string> {
  const hash = createHash('sha256').update(canonicalJson(description))
  for (const name of [...names].sort()) {
    const entry = tensors.get(name)
    if (!entry) throw invalidModel(name, 'a tensor of this name', 'none')
    hash.update(`\n${JSON.stringify(name)} ${entry.dtype} ${entry.shape.join('x')}\n`)
    for await (const chunk of chunks(entry)) hash.update(chunk)
  }
  return hash.digest('hex')
}

/** JSON with the keys of every object sorted, without spaces; keys whose value is undefined are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    isObject(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : entry,
  )
}
