/**
 * Faces of which nobody has said whose they are, put to people: to those who are there, or to new ones. Who was put to a person stays
 * there; nobody's faces are moved.
 */
import { addToClusters, clusterEmbeddings, type Linkage, linkages } from '../clustering/index.js'
import type { RowOptions } from '../embeddings/check_rows.js'
import type { MixedOptions } from '../embeddings/preparation.js'
import { invalidArgument } from '../errors.js'
import type { ThresholdFile } from '../evaluation/threshold_file.js'
import { checkInteger, checkOneOf, checkOptions } from '../native/check_arguments.js'
import { Allowed } from './allowed.js'
import { type NearPeople, nearPeople, type PeopleMeans, peopleMeans } from './means.js'
import { personText } from './people.js'
import type { HeldRows } from './rows.js'
import { type SearchPlace, thresholdOf } from './search.js'
import { type Store, signWriter } from './store.js'

/** How faces are put to people. */
export interface AlbumOptions extends Omit<RowOptions, 'dimensions'>, MixedOptions {
  /**
   * Squared distance below which clusters are joined: a number, or a threshold file by its path or as `readThresholdFile` gave it.
   * @default the model's own
   */
  threshold?: number | string | ThresholdFile
  /**
   * Which distance between clusters decides, as for `clusterEmbeddings`.
   * @default 'average'
   */
  linkage?: Linkage
  /**
   * Faces that make a new person, 1 or more. Fewer stay unassigned, so that passers-by are no people, and are looked at again at
   * every call.
   * @default 3
   */
  minFaces?: number
}

/** What came of it. */
export interface AlbumResult {
  /** Faces that were put to people who were there. */
  joined: number
  /** New people, as `person-12`. */
  people: string[]
  /** Faces that were put to new people. */
  founded: number
  /** Faces that are nobody's. */
  unassigned: number
  /** People who may be one: their faces are nearer than the threshold, on average. They are not merged; an edit `merge` does it. */
  alike: NearPeople[]
}

/** What is known of the faces that a clustering has in hand. */
export interface AlbumFace {
  number: number
  /** Null where nobody has it. */
  person: number | null
  image: string | null
}

const known = ['device', 'deviceIndex', 'threads', 'signal', 'allowMixed', 'threshold', 'linkage', 'minFaces']

export async function clusterGallery(place: SearchPlace, options: AlbumOptions): Promise<AlbumResult> {
  checkOptions(options, 'options', known)
  const { store, rows, facts } = place
  const minFaces = checkInteger(options.minFaces ?? 3, 'options.minFaces', 1)
  const linkage = checkOneOf(options.linkage ?? 'average', 'options.linkage', linkages)
  const threshold = (await thresholdOf(options, facts)) ?? facts.threshold
  if (threshold === null)
    throw invalidArgument('options.threshold', 'one, as the model of the gallery has none', 'none')
  const { allowMixed: _, minFaces: __, ...rest } = options
  const settings = { ...rest, dimensions: facts.dimensions, threshold, linkage }

  return rows.hold(async (held) => {
    const faces = store.read((db) => {
      const all = db.sql('SELECT number, person, image FROM faces ORDER BY number').all()
      return new Map(all.map((row) => [Number(row.number), parseFace(row)]))
    })
    const rowsOf = (wanted: (face: AlbumFace) => boolean) =>
      [...held.numbers.keys()].filter((row) => faces.has(held.numbers[row]!) && wanted(faces.get(held.numbers[row]!)!))
    const [assigned, open] = [rowsOf(({ person }) => person !== null), rowsOf(({ person }) => person === null)]
    const faceAt = (row: number) => faces.get(held.numbers[row]!)!
    const labels = open.length > 0 ? await labelsOf(held, assigned, open, faceAt, settings) : []
    const means = peopleMeans(held, facts.dimensions, assigned, (row) => faceAt(row).person!)
    const inOnePhotograph = photographsShared(assigned.map(faceAt))
    const plan = resolveConflicts(store, {
      held,
      open,
      labels,
      faceAt,
      means,
      threshold,
      dimensions: facts.dimensions,
      assigned,
    })
    const done = await write(store, plan, minFaces)
    return {
      ...done,
      alike: nameNear(
        store,
        nearPeople(means, threshold).filter(({ a, b }) => !inOnePhotograph(a, b)),
      ),
    }
  }, options.signal)
}

/** Whether two people are in one photograph: then they are two. */
function photographsShared(faces: readonly AlbumFace[]): (a: number, b: number) => boolean {
  const of = new Map<number, Set<string>>()
  for (const { person, image } of faces) if (image !== null) of.set(person!, (of.get(person!) ?? new Set()).add(image))
  return (a, b) => [...(of.get(a) ?? [])].some((image) => of.get(b)?.has(image))
}

const parseFace = (row: Record<string, unknown>): AlbumFace => ({
  number: Number(row.number),
  person: row.person === null ? null : Number(row.person),
  image: row.image === null ? null : String(row.image),
})

/** Of each open row: the number of a person, or below zero a cluster that is new. */
async function labelsOf(
  { data }: HeldRows,
  assigned: readonly number[],
  open: readonly number[],
  faceAt: (row: number) => AlbumFace,
  settings: Parameters<typeof clusterEmbeddings>[1] & { dimensions: number; linkage: Linkage },
): Promise<number[]> {
  const take = (rows: readonly number[]) => {
    const part = new Float32Array(rows.length * settings.dimensions)
    for (const [i, row] of rows.entries()) {
      part.set(data.subarray(row * settings.dimensions, (row + 1) * settings.dimensions), i * settings.dimensions)
    }
    return part
  }
  if (assigned.length === 0) return Array.from(await clusterEmbeddings(take(open), settings), (label) => -1 - label)
  const numbers = [...new Set(assigned.map((row) => faceAt(row).person!))]
  const labelOf = new Map(numbers.map((number, label) => [number, label]))
  const before = Int32Array.from(assigned, (row) => labelOf.get(faceAt(row).person!)!)
  const all = await addToClusters(take(assigned), before, take(open), settings)
  return Array.from(all.subarray(assigned.length), (label) => numbers[label] ?? -1 - label)
}

interface Found {
  held: HeldRows
  assigned: readonly number[]
  open: readonly number[]
  labels: readonly number[]
  faceAt: (row: number) => AlbumFace
  means: PeopleMeans
  threshold: number
  dimensions: number
}

interface Plan {
  /** Number of a face to the person it is put to. */
  joining: Map<number, number>
  /** Clusters of numbers that may become people. */
  clusters: number[][]
  unassigned: number
}

/**
 * Clusters know nothing of photographs: two faces of one are two people, so the one that is nearer to the person stays, and the other
 * goes to the next person who is near enough, or to nobody. So does a face of which it was said that it is not this person's.
 */
function resolveConflicts(store: Store, found: Found): Plan {
  const { held, open, labels, faceAt, means, dimensions, threshold } = found
  const allowed = new Allowed(store)
  for (const row of found.assigned) allowed.take(faceAt(row), faceAt(row).person!)
  const embeddingAt = (row: number) => held.data.subarray(row * dimensions, (row + 1) * dimensions)
  const joining = new Map<number, number>()
  let unassigned = 0
  const toPeople = open.flatMap((row, i) => (labels[i]! >= 0 ? [{ row, person: labels[i]! }] : []))
  const withDistance = toPeople.map((each) => ({
    ...each,
    distance: means.distance(embeddingAt(each.row), each.person),
  }))
  for (const { row, person } of withDistance.sort((a, b) => a.distance - b.distance || a.row - b.row)) {
    const face = faceAt(row)
    const to = [person, ...means.near(embeddingAt(row), threshold)].find((each) => allowed.may(face, each))
    if (to === undefined) unassigned++
    else {
      allowed.take(face, to)
      joining.set(face.number, to)
    }
  }
  const clusters = new Map<number, AlbumFace[]>()
  for (const [i, row] of open.entries()) {
    if (labels[i]! >= 0) continue
    const members = clusters.get(labels[i]!) ?? []
    const face = faceAt(row)
    const twice = face.image !== null && members.some(({ image }) => image === face.image)
    if (twice) unassigned++
    else clusters.set(labels[i]!, [...members, face])
  }
  return { joining, clusters: [...clusters.values()].map((each) => each.map(({ number }) => number)), unassigned }
}

/** What somebody has said meanwhile stays: only faces that are still nobody's are put to people who are still there. */
function write(
  store: Store,
  { joining, clusters, unassigned }: Plan,
  minFaces: number,
): Promise<Omit<AlbumResult, 'alike'>> {
  return store.write((db) => {
    signWriter(db)
    const put = db.sql(
      'UPDATE faces SET person = ? WHERE number = ? AND person IS NULL AND EXISTS (SELECT 1 FROM people WHERE person = ?)',
    )
    const result = { joined: 0, people: [] as string[], founded: 0, unassigned }
    for (const [number, person] of joining) result.joined += Number(put.run(person, number, person).changes)
    for (const numbers of clusters) {
      if (numbers.length < minFaces) {
        result.unassigned += numbers.length
        continue
      }
      const person = Number(db.sql('INSERT INTO people (name) VALUES (NULL)').run().lastInsertRowid)
      for (const number of numbers) result.founded += Number(put.run(person, number, person).changes)
      result.people.push(personText(person, null))
    }
    return result
  })
}

function nameNear(store: Store, near: ReturnType<typeof nearPeople>): NearPeople[] {
  const names = store.read((db) => db.sql('SELECT person, name FROM people').all())
  const textOf = new Map(
    names.map(({ person, name }) => [Number(person), personText(Number(person), name as string | null)]),
  )
  return near.flatMap(({ a, b, distance }) => {
    const people = [textOf.get(a), textOf.get(b)]
    return people[0] === undefined || people[1] === undefined ? [] : [{ people: [people[0], people[1]], distance }]
  })
}
