/**
 * Which faces make a batch: up to `facesPerIdentity` of each of `identitiesPerBatch` people, and negatives at random from
 * all others. The paper takes about 40 faces of a person and about 1,800 in all.
 *
 * A batch is a function of the seed and its number, so a sampler has no state but how many batches were taken.
 */
import type { Triplets } from '../embeddings/triplets.js'
import { describe, invalidArgument } from '../errors.js'
import { checkInteger, checkOptions } from '../native/check_arguments.js'
import { randomAt, shuffle } from './sampler_random.js'

/** How many people and faces make a batch. */
export interface SamplerOptions {
  /**
   * At least 1; fewer where there are fewer with two faces.
   * @default 32
   */
  identitiesPerBatch?: number
  /**
   * At least 2; people with fewer give all they have.
   * @default 8
   */
  facesPerIdentity?: number
  /**
   * Faces of other people, drawn without their being grouped.
   * @default 0
   */
  negatives?: number
  /**
   * 0..2^32-1.
   * @default 0
   */
  seed?: number
}

/** Which faces make a batch. */
export interface SampledBatch {
  /** Rows of the labels the sampler was made with, shuffled. */
  faces: Int32Array
  /** Who is on each of them. */
  labels: Int32Array
  /** Places in `faces` to learn from, where they are selected beforehand. */
  triplets?: Triplets
}

/**
 * Draws batches: some people with several faces each, and faces of others as further negatives. The paper takes about
 * 40 faces per person and about 1,800 in all (Schroff et al., CVPR 2015, section 3.2).
 *
 * @example
 * ```ts
 * const sampler = new Sampler(faces.labels, { identitiesPerBatch: 16, facesPerIdentity: 6, seed: 1 })
 * const { faces: rows, labels } = sampler.batch(0)
 * ```
 */
export class Sampler {
  /** Batches in which everybody with two faces had a turn, but for those left over. */
  readonly batchesPerEpoch: number
  /** People among the labels. */
  readonly identities: number
  readonly #labels: Int32Array
  readonly #groups: number[][]
  /** Indices of groups of two faces and more: only these have positives. */
  readonly #paired: number[]
  readonly #options: Required<SamplerOptions>

  /**
   * Groups the faces by person.
   *
   * @param labels who is on each face; equal integers for one person.
   * @param faces how many faces there are, where the caller knows it otherwise.
   * @param options people and faces per batch, and the seed.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, also where no triplet can be made of the labels.
   */
  constructor(labels: ArrayLike<number>, options: SamplerOptions = {}, faces = labels.length) {
    checkOptions(options, 'options', ['identitiesPerBatch', 'facesPerIdentity', 'negatives', 'seed'])
    if (labels.length !== faces) throw invalidArgument('labels', `${faces}, one a face`, describe(labels))
    this.#labels = Int32Array.from(labels)
    const wrong = this.#labels.findIndex((label, i) => label !== labels[i])
    if (wrong >= 0) throw invalidArgument(`labels[${wrong}]`, 'a 32-bit integer', labels[wrong])
    this.#options = {
      identitiesPerBatch: checkInteger(options.identitiesPerBatch ?? 32, 'options.identitiesPerBatch', 1),
      facesPerIdentity: checkInteger(options.facesPerIdentity ?? 8, 'options.facesPerIdentity', 2),
      negatives: checkInteger(options.negatives ?? 0, 'options.negatives', 0),
      seed: checkInteger(options.seed ?? 0, 'options.seed', 0, 2 ** 32 - 1),
    }
    this.#groups = grouped(this.#labels)
    this.identities = this.#groups.length
    this.#paired = [...this.#groups.keys()].filter((i) => this.#groups[i]!.length >= 2)
    if (this.identities < 2) {
      throw invalidArgument('labels', 'faces of at least two people', `${this.identities} identity, ${faces} faces`)
    }
    if (this.#paired.length === 0) {
      throw invalidArgument('labels', 'at least one person with two faces', `${this.identities} people with one each`)
    }
    const { identitiesPerBatch, negatives } = this.#options
    const inBatch = Math.min(identitiesPerBatch, this.#paired.length)
    if (inBatch === 1 && negatives === 0) {
      const reason = identitiesPerBatch === 1 ? 'identitiesPerBatch is 1' : 'only one person has two faces'
      throw invalidArgument('options.negatives', `at least 1, since ${reason}`, 0)
    }
    this.batchesPerEpoch = Math.floor(this.#paired.length / inBatch)
  }

  /**
   * The faces of a batch. Within an epoch nobody is grouped twice; who is left over differs from epoch to epoch.
   *
   * @param number of the batch, 0 for the first.
   */
  batch(number: number): SampledBatch {
    checkInteger(number, 'number', 0)
    const { identitiesPerBatch, facesPerIdentity, negatives, seed } = this.#options
    const epoch = Math.floor(number / this.batchesPerEpoch)
    const start = (number % this.batchesPerEpoch) * identitiesPerBatch
    const order = shuffle([...this.#paired], randomAt(seed, 1, epoch))
    const chosen = order.slice(start, start + identitiesPerBatch)
    const random = randomAt(seed, 2, number)
    const faces = chosen.flatMap((identity) => {
      const group = [...this.#groups[identity]!]
      return shuffle(group, random, facesPerIdentity).slice(0, facesPerIdentity)
    })
    if (negatives > 0) {
      const taken = new Set(chosen)
      const others = this.#groups.flatMap((group, identity) => (taken.has(identity) ? [] : group))
      for (const face of shuffle(others, random, negatives).slice(0, negatives)) faces.push(face)
    }
    const shuffled = Int32Array.from(shuffle(faces, random))
    return { faces: shuffled, labels: shuffled.map((face) => this.#labels[face]!) }
  }
}

/** Faces by label, in the order in which labels come first. */
function grouped(labels: Int32Array): number[][] {
  const groups = new Map<number, number[]>()
  for (const [face, label] of labels.entries()) {
    const group = groups.get(label)
    if (group) group.push(face)
    else groups.set(label, [face])
  }
  return [...groups.values()]
}
