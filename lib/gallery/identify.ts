/** Who it is, said by several faces of a person rather than by one. */
import type { EmbeddingRows } from '../embeddings/embeddings.js'
import { invalidArgument } from '../errors.js'
import { checkInteger, checkOneOf, checkOptions } from '../native/check_arguments.js'
import { readRow } from './blocks.js'
import { peopleMeans } from './means.js'
import { knownPerson } from './people.js'
import {
  type FaceMatch,
  type GallerySearchOptions,
  type SearchPlace,
  searchOptionNames,
  searchRows,
  thresholdOf,
} from './search.js'

/** How a person is told. */
export interface IdentifyOptions extends Omit<GallerySearchOptions, 'k'> {
  /**
   * `vote`: whose are most of the `k` nearest faces below the threshold, of as many the nearest one's. `mean`: whose faces are
   * nearest on average, and below the threshold.
   * @default 'vote'
   */
  by?: 'vote' | 'mean'
  /**
   * Faces that vote, 1..128; for `mean`, faces whose people are looked at.
   * @default 5, for mean 50
   */
  k?: number
}

/** Who it is. */
export interface Identified {
  /** The name, or `person-12`. */
  person: string
  /** Of the nearest of the faces that voted; for `mean`, the mean over all faces of the person. */
  distance: number
  /** Faces that voted for the person; for `mean`, all faces of the person. */
  faces: number
}

/** For each row who it is, or null: nobody who is known. */
export async function identifyRows(
  place: SearchPlace,
  rows: EmbeddingRows,
  name: string,
  options: IdentifyOptions,
): Promise<(Identified | null)[]> {
  checkOptions(options, 'options', [...searchOptionNames, 'by'])
  const { by: given, k: wanted, ...rest } = options
  const by = checkOneOf(given ?? 'vote', 'options.by', ['vote', 'mean'])
  const k = checkInteger(wanted ?? (by === 'vote' ? 5 : 50), 'options.k', 1, 128)
  const threshold = (await thresholdOf(options, place.facts)) ?? place.facts.threshold
  if (threshold === null)
    throw invalidArgument('options.threshold', 'one, as the model of the gallery has none', 'none')
  const settings = { ...rest, k, ...(by === 'vote' && { threshold }) }
  if (by === 'mean') delete settings.threshold
  const found = await searchRows(place, rows, name, settings)
  if (by === 'vote') return found.map(vote)
  const data = 'data' in rows ? rows.data : rows
  const { dimensions } = place.facts
  return found.map((matches, i) =>
    nearestMean(place, matches, data.subarray(i * dimensions, (i + 1) * dimensions), threshold),
  )
}

/** Nearest first. */
function vote(matches: readonly FaceMatch[]): Identified | null {
  const votes = new Map<string, Identified>()
  for (const { person, distance } of matches) {
    if (person === null) continue
    const known = votes.get(person) ?? { person, distance, faces: 0 }
    votes.set(person, { ...known, faces: known.faces + 1 })
  }
  let best: Identified | null = null
  for (const each of votes.values()) if (!best || each.faces > best.faces) best = each
  return best
}

function nearestMean(
  { store, facts: { dimensions } }: SearchPlace,
  matches: readonly FaceMatch[],
  embedding: Float32Array,
  threshold: number,
): Identified | null {
  let best: Identified | null = null
  for (const person of new Set(matches.flatMap((match) => match.person ?? []))) {
    const faces = store.read((db) => {
      const numbers = db.sql('SELECT number FROM faces WHERE person = ?').all(knownPerson(db, person, 'person'))
      return numbers.flatMap(({ number }) => readRow(db, Number(number), dimensions) ?? [])
    })
    const data = new Float32Array(faces.length * dimensions)
    for (const [i, face] of faces.entries()) data.set(face, i * dimensions)
    const distance = peopleMeans({ data }, dimensions, [...faces.keys()], () => 0).distance(embedding, 0)
    if (distance < threshold && (!best || distance < best.distance)) best = { person, distance, faces: faces.length }
  }
  return best
}
