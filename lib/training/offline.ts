/**
 * Offline selection of triplets, the paper's other way: every so many steps the faces of a subset are embedded by the
 * network as it is then, triplets are selected among all of them, and the batches until the next time are made of these.
 */
import { concatenateRows } from '../embeddings/concatenate_rows.js'
import { mineTriplets, type Triplets } from '../embeddings/triplets.js'
import { invalidArgument, invalidModel } from '../errors.js'
import { noAugmentation } from './augment.js'
import type { FaceStore } from './faces.js'
import { makeBatch } from './faces_batches.js'
import type { LoopSettings } from './loop_state.js'
import { type SampledBatch, Sampler } from './sampler.js'
import { randomAt, shuffle } from './sampler_random.js'
import type { Trainer } from './trainer.js'

/** How offline selection makes batches. */
export interface OfflineOptions {
  /** Steps from one selection to the next. */
  every: number
  /** The most faces of a batch, at least 3. */
  facesPerBatch: number
  /** Seed of the order of triplets, 0..2^32-1. */
  seed: number
}

/** What of a run's settings offline selection goes by. */
export type OfflineSettings = Pick<
  LoopSettings,
  'identitiesPerBatch' | 'facesPerIdentity' | 'negatives' | 'seed' | 'selectEvery' | 'selectFrom'
>

/** What has to be kept to go on: it cannot be selected again once the weights have changed. */
export interface Selection {
  /** 0 the first. */
  round: number
  /** Of the store: anchor, positive and negative of one triplet after the other, in the order in which they are used. */
  faces: number[]
}

/** Faces embedded at a time. */
const piece = 128

/**
 * Makes batches of triplets that were selected among many faces, as the paper's offline selection does (Schroff et al.,
 * CVPR 2015, section 3.2).
 *
 * @example
 * ```ts
 * const sampler = OfflineSampler.open(faces, settings)
 * await sampler.select(0, trainer, { threads: 2 })
 * const batch = sampler.batch(0)
 * ```
 */
export class OfflineSampler {
  /** Batches in which everybody with two faces was in a subset, but for those left over. */
  readonly batchesPerEpoch: number
  #round = -1
  #batches: SampledBatch[] = []

  /**
   * Batches are as large as those of online selection, and subsets are drawn as those are.
   *
   * @param faces to select among.
   * @param settings of the run.
   * @param selection of a run that is resumed.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where `selectFrom` has no room for two people.
   */
  static open(faces: FaceStore, settings: OfflineSettings, selection?: Selection | null): OfflineSampler {
    const { identitiesPerBatch, facesPerIdentity, negatives, seed, selectEvery: every, selectFrom } = settings
    const people = Math.floor((selectFrom - negatives) / facesPerIdentity)
    if (people < 2) {
      const least = `at least ${negatives + 2 * facesPerIdentity}, the negatives and the faces of two people`
      throw invalidArgument('select-from', least, selectFrom)
    }
    const subsets = new Sampler(faces.labels, { identitiesPerBatch: people, facesPerIdentity, negatives, seed })
    const facesPerBatch = Math.max(3, identitiesPerBatch * facesPerIdentity + negatives)
    return new OfflineSampler(faces, subsets, { every, facesPerBatch, seed }, selection)
  }

  /**
   * What `open` calls.
   *
   * @param faces to select among.
   * @param subsets a sampler whose batches are the faces to select among, one batch per selection.
   * @param options how batches are made of the triplets.
   * @param selection of a run that is resumed.
   */
  constructor(
    readonly faces: FaceStore,
    readonly subsets: Sampler,
    readonly options: OfflineOptions,
    selection?: Selection | null,
  ) {
    this.batchesPerEpoch = subsets.batchesPerEpoch * options.every
    if (selection) this.#use(selection)
  }

  /**
   * The faces of a batch; undefined before its triplets were selected.
   *
   * @param number of the batch, 0 for the first.
   */
  batch(number: number): SampledBatch | undefined {
    const { every } = this.options
    return Math.floor(number / every) === this.#round ? this.#batches[number % every] : undefined
  }

  /**
   * Embeds a subset of the faces and selects, by the trainer's strategy, what this batch and those after it are made
   * of.
   *
   * @param number of the batch that comes next.
   * @param trainer what embeds the faces.
   * @param options threads and a signal.
   * @returns what a checkpoint has to keep of it.
   */
  async select(
    number: number,
    trainer: Trainer,
    options: { threads?: number; signal?: AbortSignal },
  ): Promise<Selection> {
    const round = Math.floor(number / this.options.every)
    const { faces, labels, embeddings } = await this.#embed(this.subsets.batch(round), trainer, options.signal)
    const { margin, strategy } = trainer.settings
    const { dimensions } = trainer
    const triplets = await mineTriplets(embeddings, labels, { ...options, dimensions, margin, strategy })
    const order = shuffle(Int32Array.from(triplets.anchors.keys()), randomAt(this.options.seed, 4, round))
    const ordered = [...order].flatMap((t) =>
      [triplets.anchors, triplets.positives, triplets.negatives].map((role) => faces[role[t]!]!),
    )
    return this.#use({ round, faces: ordered })
  }

  async #embed(subset: SampledBatch, trainer: Trainer, signal: AbortSignal | undefined) {
    const [faces, labels, rows]: [number[], number[], Float32Array[]] = [[], [], []]
    const making = { input: trainer.inputSize, augmentation: noAugmentation, seed: 0 }
    for (let start = 0; start < subset.faces.length; start += piece) {
      const some = {
        faces: subset.faces.subarray(start, start + piece),
        labels: subset.labels.subarray(start, start + piece),
      }
      const made = await makeBatch(this.faces, some, 0, making)
      faces.push(...made.faces)
      labels.push(...made.labels)
      rows.push(await trainer.embed(made.images, { signal, trained: true }))
    }
    return { faces, labels, embeddings: concatenateRows(rows) }
  }

  /** Returns as much of the selection as its batches need. */
  #use({ round, faces }: Selection): Selection {
    const { labels } = this.faces
    const wrong = faces.find((face) => face >= labels.length)
    if (wrong !== undefined) throw invalidModel('the selected triplets', `faces below ${labels.length}`, wrong)
    const { every, facesPerBatch, seed } = this.options
    const triplets = Array.from(
      { length: faces.length / 3 },
      (_, t) => [faces[3 * t]!, faces[3 * t + 1]!, faces[3 * t + 2]!] as const,
    )
    const filled = fill(triplets, every, facesPerBatch)
    this.#round = round
    this.#batches = filled.batches.map((some, i) =>
      batchOf(some, labels, (all) => shuffle(all, randomAt(seed, 5, round, i))),
    )
    return { round, faces: faces.slice(0, 3 * filled.seen) }
  }
}

type Triple = readonly [anchor: number, positive: number, negative: number]

/**
 * `count` batches of at most `most` different faces, of the triplets one after the other and from the first again after the
 * last, but none twice in a batch. `seen`: so many of the triplets make the same batches.
 */
export function fill(triplets: readonly Triple[], count: number, most: number): { batches: Triple[][]; seen: number } {
  let next = 0
  const batches = Array.from({ length: count }, () => {
    const batch: Triple[] = []
    const faces = new Set<number>()
    while (batch.length < triplets.length) {
      const triplet = triplets[next % triplets.length]!
      const more = triplet.filter((face) => !faces.has(face)).length
      if (faces.size + more > most) break
      for (const face of triplet) faces.add(face)
      batch.push(triplet)
      next++
    }
    return batch
  })
  // The last batch ends before one that did not fit.
  return { batches, seen: Math.min(next + 1, triplets.length) }
}

/** The faces of triplets, each once and shuffled, and the triplets as places among them. */
function batchOf(
  triplets: readonly Triple[],
  labels: Int32Array,
  shuffled: (faces: Int32Array) => Int32Array,
): SampledBatch {
  const faces = shuffled(Int32Array.from(new Set(triplets.flat())))
  const places = new Map([...faces].map((face, place) => [face, place]))
  const role = (i: 0 | 1 | 2) => Int32Array.from(triplets, (triplet) => places.get(triplet[i])!)
  const given: Triplets = { anchors: role(0), positives: role(1), negatives: role(2) }
  return { faces, labels: faces.map((face) => labels[face]!), triplets: given }
}
