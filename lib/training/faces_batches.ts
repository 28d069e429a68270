/** Batches as the network takes them. The next one is made while a step is computed. */
import type { Triplets } from '../embeddings/triplets.js'
import { FaceNetError } from '../errors.js'
import type { Size } from '../images/geometry.js'
import { type AugmentOptions, augment } from './augment.js'
import type { FaceStore } from './faces.js'
import type { SampledBatch } from './sampler.js'

/** One batch as the network takes it. */
export interface FaceBatch {
  /** Number of the batch, 0 for the first. */
  number: number
  /** N x height x width x 3 bytes of RGB. Images that could not be read are left out. */
  images: Uint8Array
  /** Who is on each image. */
  labels: Int32Array
  /** Images of the whole batch, of which these may be a part. */
  whole: number
  /** Which face of the store each image is. */
  faces: Int32Array
  /** Those that were given with the faces; none with an image that was left out. */
  triplets?: Triplets
}

/** Which faces make a batch. */
export interface BatchSource {
  /**
   * Which faces make a batch; undefined where that cannot be said yet.
   *
   * @param number of the batch, 0 for the first.
   */
  batch(number: number): SampledBatch | undefined
  /** Batches until everybody has had a turn. */
  readonly batchesPerEpoch: number
}

/** How faces become network inputs. */
export interface Making {
  /** Size of the network's input, in pixels. */
  input: Size
  /** What is changed at random. */
  augmentation: Required<AugmentOptions>
  /** Seed of the augmentation, 0..2^32-1. */
  seed: number
  /** Which part of each batch to make, of so many as equal as they come; all of it where it is left out. */
  part?: { index: number; of: number }
}

/** Faces that are read and changed at a time: as many as libuv has threads. */
const concurrency = 4

/**
 * Makes batches one after the other, the next one while the last one is used.
 *
 * @example
 * ```ts
 * const batches = new BatchMaker(faces, new Sampler(faces.labels), {
 *   input: { width: 116, height: 140 },
 *   augmentation: checkAugmentOptions({}),
 *   seed: 1,
 * })
 * const { images, labels } = await batches.take(0)
 * await batches.close()
 * ```
 */
export class BatchMaker {
  #next: Promise<FaceBatch> | undefined
  #nextNumber = -1

  /**
   * Reads nothing yet.
   *
   * @param faces the images.
   * @param source says which faces make a batch: a `Sampler` or an `OfflineSampler`.
   * @param making how a face becomes a network input.
   */
  constructor(
    readonly faces: FaceStore,
    readonly source: BatchSource,
    readonly making: Making,
  ) {}

  /**
   * Makes a batch that the source knows; the one after it is begun where the source knows that too.
   *
   * @param number of the batch, 0 for the first.
   */
  async take(number: number): Promise<FaceBatch> {
    const batch = await (this.#nextNumber === number ? this.#next! : this.#begin(number)!)
    this.#next = this.#begin(number + 1)
    this.#nextNumber = this.#next ? number + 1 : -1
    // Whoever takes it hears of its failure.
    this.#next?.catch(() => {})
    return batch
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    await this.#next?.catch(() => {})
  }

  #begin(number: number): Promise<FaceBatch> | undefined {
    const sampled = this.source.batch(number)
    return sampled && makeBatch(this.faces, sampled, number, this.making)
  }
}

/**
 * Reads the faces of one batch and changes them at random.
 *
 * @param store the images.
 * @param sampled which of them, and who is on each.
 * @param number of the batch: the random changes differ from batch to batch.
 * @param making how a face becomes a network input.
 *
 * @example
 * ```ts
 * const sampled = new Sampler(faces.labels).batch(0)
 * const batch = await makeBatch(faces, sampled, 0, {
 *   input: { width: 116, height: 140 },
 *   augmentation: noAugmentation,
 *   seed: 1,
 * })
 * ```
 */
export async function makeBatch(
  store: FaceStore,
  sampled: SampledBatch,
  number: number,
  { input, augmentation, seed, part }: Making,
): Promise<FaceBatch> {
  const [first, own] = partOf(sampled, part)
  const { faces } = own
  const bytes = input.width * input.height * 3
  const images = new Uint8Array(faces.length * bytes)
  const there = new Uint8Array(faces.length)
  const places = faces.keys()
  const work = async () => {
    for (const index of places) {
      const face = await store.read(faces[index]!)
      if (!face) continue
      const out = images.subarray(index * bytes, (index + 1) * bytes)
      await augment(face, store.border, input, { seed, batch: number, index: first + index }, augmentation, out)
      there[index] = 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  const made = without(images, own, there, bytes)
  if (part && made.labels.length === 0) throw nothingToRead(number, part)
  return { number, whole: part ? sampled.faces.length : made.labels.length, ...made }
}

/** Where the part begins, and its faces. */
function partOf(sampled: SampledBatch, part: Making['part']): [first: number, own: SampledBatch] {
  if (!part) return [0, sampled]
  const { faces, labels } = sampled
  const [first, end] = [part.index, part.index + 1].map((i) => Math.floor((faces.length * i) / part.of)) as [
    number,
    number,
  ]
  return [first, { faces: faces.subarray(first, end), labels: labels.subarray(first, end) }]
}

function nothingToRead(number: number, { index, of }: Required<Making>['part']): FaceNetError {
  const message = `Batch ${number} has no image that can be read in part ${index} of ${of}: take larger batches, or fewer processes`
  return new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, {
    argument: 'batch',
    expected: 'an image for every process',
    received: 'none',
  })
}

function without(images: Uint8Array, { faces, labels, triplets }: SampledBatch, there: Uint8Array, bytes: number) {
  const places = new Int32Array(there.length)
  let count = 0
  for (const [index, isThere] of there.entries()) {
    if (!isThere) continue
    if (count < index) images.copyWithin(count * bytes, index * bytes, (index + 1) * bytes)
    places[index] = count++
  }
  const kept = (_: number, index: number) => there[index] === 1
  return {
    images: images.subarray(0, count * bytes),
    labels: labels.filter(kept),
    faces: faces.filter(kept),
    ...(triplets && { triplets: moved(triplets, there, places) }),
  }
}

/** Triplets of the images that are there, at their new places. */
function moved({ anchors, positives, negatives }: Triplets, there: Uint8Array, places: Int32Array): Triplets {
  const whole = [...anchors.keys()].filter((t) =>
    [anchors, positives, negatives].every((role) => there[role[t]!] === 1),
  )
  const role = (indices: Int32Array) => Int32Array.from(whole, (t) => places[indices[t]!]!)
  return { anchors: role(anchors), positives: role(positives), negatives: role(negatives) }
}
