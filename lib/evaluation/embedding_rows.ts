/** Embeddings that were stored by `facenet embed --out x.jsonl`. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { assertSameFingerprint } from '../embeddings/distances.js'
import { cannotRead, FaceNetError } from '../errors.js'
import { lineError } from './lfw_pairs.js'

/** Embeddings that were stored, and the model they are of. */
export interface StoredEmbeddings {
  /** Image of each row. */
  paths: string[]
  /** The embeddings. */
  rows: Float32Array[]
  /** Of the model that made them. */
  fingerprint: string
}

/**
 * A line a row, `{"path","embedding","fingerprint"}`; lines `{"path","error"}` are left out. All files together must be of one model.
 *
 * @param files paths of `.jsonl` files.
 * @throws FaceNetError ERR_FACENET_IO where a file cannot be read; ERR_FACENET_INVALID_ARGUMENT for a malformed line, and
 *   where a fingerprint differs from the first.
 *
 * @example
 * ```ts
 * const { paths, rows, fingerprint } = await readEmbeddings(['faces.jsonl'])
 * ```
 */
export async function readEmbeddings(files: readonly string[]): Promise<StoredEmbeddings> {
  const stored: StoredEmbeddings = { paths: [], rows: [], fingerprint: '' }
  for (const file of files) {
    let number = 0
    try {
      for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
        number++
        if (line.trim() !== '') add(stored, line, file, number)
      }
    } catch (cause) {
      throw cannotRead(file, 'a readable file', cause)
    }
  }
  if (stored.rows.length === 0) throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'No embeddings were found')
  return stored
}

function add(stored: StoredEmbeddings, line: string, file: string, number: number): void {
  const { path, embedding, fingerprint, error } = parse(line)
  // An image in which no face was found.
  if (typeof path === 'string' && typeof error === 'string' && embedding === undefined) return
  const dimensions = stored.rows[0]?.length ?? (Array.isArray(embedding) ? embedding.length : 0)
  const rows = Array.isArray(embedding) && embedding.length === dimensions && embedding.every(Number.isFinite)
  const named = typeof fingerprint === 'string' && fingerprint !== ''
  if (typeof path !== 'string' || !named || !rows || dimensions === 0) {
    const expected = `a path, a fingerprint and an embedding of ${dimensions || 'some'} finite numbers`
    throw lineError(file, number, expected, JSON.stringify(line.slice(0, 80)))
  }
  if (stored.fingerprint === '') stored.fingerprint = fingerprint
  assertSameFingerprint(stored.fingerprint, fingerprint)
  stored.paths.push(path)
  stored.rows.push(Float32Array.from(embedding as number[]))
}

function parse(line: string): Partial<Record<'path' | 'embedding' | 'fingerprint' | 'error', unknown>> {
  try {
    return JSON.parse(line) ?? {}
  } catch {
    return {}
  }
}
