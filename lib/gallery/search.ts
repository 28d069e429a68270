/** Who of a gallery is nearest to somebody. */
import { checkFinite, checkRowPlace, type RowOptions, rowOptionNames } from '../embeddings/check_rows.js'
import { checkEmbeddings, type EmbeddingRows, isEmbeddings } from '../embeddings/embeddings.js'
import { findNearest, mostNeighbors } from '../embeddings/neighbors.js'
import type { MixedOptions } from '../embeddings/preparation.js'
import { invalidArgument } from '../errors.js'
import { readThresholdFile, type ThresholdFile } from '../evaluation/threshold_file.js'
import { checkInteger, checkOptions } from '../native/check_arguments.js'
import { readRow } from './blocks.js'
import { faceColumns, type GalleryFace, knownFace, parseFace } from './faces.js'
import { checkBelongs, type Facts } from './facts.js'
import type { MemoryRows } from './rows.js'
import type { Store } from './store.js'

/** How a gallery is searched. */
export interface GallerySearchOptions extends Omit<RowOptions, 'dimensions'>, MixedOptions {
  /**
   * The most faces that are found, 1..128. Where the gallery has fewer, all of them are.
   * @default 10
   */
  k?: number
  /**
   * Squared distance below which faces are found: a number, the path of a file that `facenet evaluate pairs` wrote, or what
   * `readThresholdFile` gave. Left out, the nearest are found however far they are.
   */
  threshold?: number | string | ThresholdFile
}

/** A face that was found. */
export interface FaceMatch extends GalleryFace {
  /** Squared L2 distance to what was looked for. */
  distance: number
}

export interface SearchPlace {
  store: Store
  rows: MemoryRows
  facts: Facts
}

export const searchOptionNames = [
  ...rowOptionNames.filter((name) => name !== 'dimensions'),
  'allowMixed',
  'k',
  'threshold',
]

/** For each row of `asked` the faces that are nearest to it, nearest first; of faces at one distance the oldest comes first. */
export async function searchRows(
  { store, rows, facts }: SearchPlace,
  asked: EmbeddingRows,
  name: string,
  options: GallerySearchOptions,
  leftOut?: string,
): Promise<FaceMatch[][]> {
  checkOptions(options, 'options', searchOptionNames)
  const { data, rows: queries } = checkQueries(store.path, facts, asked, name, options)
  const k = checkInteger(options.k ?? 10, 'options.k', 1, mostNeighbors)
  const threshold = await thresholdOf(options, facts)
  const place = checkRowPlace(options)
  const wanted = leftOut === undefined ? k : Math.min(k + 1, mostNeighbors)
  return rows.hold(async ({ data: gallery, numbers, rows: known, index }) => {
    const found = Math.min(wanted, known)
    if (queries === 0 || found === 0) return Array.from({ length: queries }, () => [])
    const nearest = await findNearest(data, gallery, { ...place, index, dimensions: facts.dimensions, k: found })
    return Array.from({ length: queries }, (_, query) => {
      const matches: FaceMatch[] = []
      for (let at = query * found; at < (query + 1) * found && matches.length < k; at++) {
        const distance = nearest.distances[at]!
        if (threshold !== undefined && !(distance < threshold)) break
        const face = faceOf(store, numbers[nearest.indices[at]!]!)
        if (face && face.id !== leftOut) matches.push({ ...face, distance })
      }
      return matches
    })
  }, options.signal)
}

/** Of a face of the gallery. */
export function embeddingOf(store: Store, id: string, dimensions: number): Float32Array {
  return store.read((db) => readRow(db, knownFace(db, id), dimensions)!)
}

/** Undefined where it was removed after the search began. */
function faceOf(store: Store, number: number): GalleryFace | undefined {
  const row = store.read((db) => db.sql(`${faceColumns} WHERE f.number = ?`).get(number))
  return row && parseFace(row)
}

function checkQueries(path: string, facts: Facts, asked: EmbeddingRows, name: string, options: MixedOptions) {
  if (isEmbeddings(asked)) checkBelongs(path, facts, name, asked, options.allowMixed)
  const checked = checkEmbeddings(asked, name, facts.dimensions)
  checkFinite(checked.data, name, facts.dimensions)
  return checked
}

export async function thresholdOf(
  { threshold, allowMixed }: GallerySearchOptions,
  facts: Facts,
): Promise<number | undefined> {
  if (threshold === undefined) return undefined
  if (typeof threshold === 'string') return (await readThresholdFile(threshold, facts, { allowMixed })).threshold
  const value = typeof threshold === 'object' && threshold !== null ? threshold.threshold : threshold
  if (typeof value !== 'number' || !(value >= 0)) {
    throw invalidArgument('options.threshold', 'a number of at least 0, or a threshold file', threshold)
  }
  if (typeof threshold === 'object') {
    checkBelongs('the threshold', { ...facts, ...threshold }, 'gallery', facts, allowMixed)
  }
  return value
}
