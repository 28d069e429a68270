/** Faces that both models have embedded, and the map that is fitted on them, unless it costs too much. */
import { clusterEmbeddings } from '../../clustering/index.js'
import { invalidArgument } from '../../errors.js'
import { checkFunction } from '../../native/check_arguments.js'
import { readRow } from '../blocks.js'
import type { NamedRows } from '../faces.js'
import type { GalleryModel } from '../facts.js'
import type { Store } from '../store.js'
import { type CommonRows, type LinearMap, MapFitter } from './linear_map.js'
import { fitAndMeasure, type MapLoss, partsOfPeople } from './map_loss.js'
import { commonFaces, stagedRow } from './staged.js'

/** Faces that the old and the new model have embedded: rows of one path are one face. */
export interface CommonFaces {
  /** Of the gallery's model. */
  from: NamedRows
  /** Of the new model. */
  to: NamedRows
  /** Whose face it is, of a path. Where it is left out, clusters of the new model stand for people. */
  people?: (path: string) => string | undefined
}

/** Faces that a map is fitted on: more say little more. */
const mostCommon = 20_000

interface Gathered extends CommonRows {
  /** Whose each is; undefined where nobody said it. */
  people: (string | undefined)[]
}

/** Of the gallery, and those that are given. */
export function gatherCommon(
  store: Store,
  old: GalleryModel,
  model: GalleryModel,
  given: CommonFaces | undefined,
): Gathered {
  const dimensions = { from: old.dimensions, to: model.dimensions }
  const own = commonFaces(store, mostCommon).map(({ number, person }) => ({
    from: store.read((db) => readRow(db, number, dimensions.from)!),
    to: stagedRow(store, number, dimensions.to),
    person: person === null ? undefined : `of the gallery: ${person}`,
  }))
  const all = [...own, ...(given ? rowsOfBoth(given, old, model) : [])]
  const rows = all.length
  const [from, to] = [new Float32Array(rows * dimensions.from), new Float32Array(rows * dimensions.to)]
  for (const [i, row] of all.entries()) {
    from.set(row.from, i * dimensions.from)
    to.set(row.to, i * dimensions.to)
  }
  return { from, to, rows, dimensions, people: all.map(({ person }) => person) }
}

const advice = '; give more that both models have embedded (map.common, --common)'
const percent = (share: number) => `${(100 * share).toFixed(2)} %`

/** @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where it cannot be fitted, its loss cannot be said, or is above `maxLoss`. */
export async function fitWithin(
  common: Gathered,
  maxLoss: number,
  threshold: number | null,
  signal: AbortSignal | undefined,
): Promise<{ map: LinearMap; loss: MapLoss }> {
  const least = mostDimensions(common)
  if (common.rows < least) {
    const expected = `at least ${least} faces that both models have embedded, as many as dimensions`
    throw invalidArgument('options.map', expected, `${common.rows}${advice}`)
  }
  const { map, loss } = await fit(common, threshold, signal)
  if (!loss) {
    const expected =
      'faces of enough people, with several each, that both models have embedded, to say what a map costs'
    throw invalidArgument('options.map', expected, `${common.rows} faces that are too few${advice}`)
  }
  if (loss.loss > maxLoss) {
    const [lost, limit] = [loss.loss, maxLoss].map((share) => `${(100 * share).toFixed(2)} points`)
    throw invalidArgument(
      'options.map',
      `a map that costs at most ${limit} of VAL at FAR ${loss.far} (maxLoss, --max-loss)`,
      `one that costs ${lost}: ${percent(loss.new)} by the new model, ${percent(loss.mapped)} mapped. The gallery is as it was`,
    )
  }
  return { map, loss }
}

const mostDimensions = ({ dimensions }: CommonRows) => Math.max(dimensions.from, dimensions.to)

/** On all faces, and its loss on those whose people are known where they are enough, else on clusters of the new model. */
async function fit(common: Gathered, threshold: number | null, signal: AbortSignal | undefined) {
  const named = [...common.people.keys()].filter((row) => common.people[row] !== undefined)
  if (named.length >= mostDimensions(common)) {
    const labels = labelsOf(named.map((row) => common.people[row]!))
    const measured = await fitAndMeasure(partOf(common, named), labels, 'people', signal)
    if (measured.loss) {
      return named.length === common.rows ? measured : { map: await fitAll(common, signal), loss: measured.loss }
    }
  }
  if (threshold === null) return { map: await fitAll(common, signal), loss: undefined }
  const settings = { dimensions: common.dimensions.to, threshold, ...(signal && { signal }) }
  return fitAndMeasure(common, await clusterEmbeddings(common.to, settings), 'clusters', signal)
}

async function fitAll(common: CommonRows, signal: AbortSignal | undefined): Promise<LinearMap> {
  const each = Int32Array.from({ length: common.rows }, (_, row) => row)
  return (await MapFitter.of(common, partsOfPeople(each), signal)).fit()
}

function labelsOf(people: readonly string[]): Int32Array {
  const numbers = new Map([...new Set(people)].map((person, number) => [person, number]))
  return Int32Array.from(people, (person) => numbers.get(person)!)
}

function partOf({ from, to, dimensions }: CommonRows, rows: readonly number[]): CommonRows {
  const cut = (data: Float32Array, width: number) => {
    const out = new Float32Array(rows.length * width)
    for (const [i, row] of rows.entries()) out.set(data.subarray(row * width, (row + 1) * width), i * width)
    return out
  }
  return { from: cut(from, dimensions.from), to: cut(to, dimensions.to), rows: rows.length, dimensions }
}

/** Of the two, rows of one path; evenly, where there are very many. */
function rowsOfBoth({ from, to, people }: CommonFaces, old: GalleryModel, model: GalleryModel) {
  checkSide(from, 'options.map.common.from', old)
  checkSide(to, 'options.map.common.to', model)
  checkFunction(people, 'options.map.common.people')
  const placeIn = new Map(to.paths.map((path, i) => [path, i]))
  const both = from.paths.flatMap((path, i) => (placeIn.has(path) ? [{ path, i, j: placeIn.get(path)! }] : []))
  const step = Math.max(1, Math.ceil(both.length / mostCommon))
  return both
    .filter((_, n) => n % step === 0)
    .map(({ path, i, j }) => ({
      from: from.data.subarray(i * from.dimensions, (i + 1) * from.dimensions),
      to: to.data.subarray(j * to.dimensions, (j + 1) * to.dimensions),
      person: people?.(path),
    }))
}

function checkSide(rows: NamedRows, name: string, { fingerprint, dimensions }: GalleryModel): void {
  if (typeof rows !== 'object' || rows === null || !Array.isArray(rows.paths)) {
    throw invalidArgument(name, 'rows with paths, as readStored gives them', rows)
  }
  if (rows.fingerprint !== fingerprint || rows.dimensions !== dimensions) {
    throw invalidArgument(name, `embeddings of the model ${fingerprint}`, `those of ${rows.fingerprint}`)
  }
}
