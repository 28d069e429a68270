/** Batches as the network takes them. The next one is made while a step is computed. */
import type { Size } from '../images/geometry.js'
import { type AugmentOptions, augment } from './augment.js'
import type { FaceStore } from './faces.js'
import type { Sampler } from './sampler.js'

export interface FaceBatch {
  number: number
  /** N x height x width x 3 bytes of RGB. Images that could not be read are left out. */
  images: Uint8Array
  labels: Int32Array
}

/** Faces that are read and changed at a time: as many as libuv has threads. */
const concurrency = 4

export class BatchMaker {
  #next: Promise<FaceBatch> | undefined
  #nextNumber = -1

  constructor(
    readonly faces: FaceStore,
    readonly sampler: Sampler,
    readonly input: Size,
    readonly augmentation: Required<AugmentOptions>,
    readonly seed: number,
  ) {}

  /** Batch `number`; the one after it is begun. */
  async take(number: number): Promise<FaceBatch> {
    const batch = await (this.#nextNumber === number ? this.#next! : this.#make(number))
    this.#nextNumber = number + 1
    this.#next = this.#make(number + 1)
    // Whoever takes it hears of its failure.
    this.#next.catch(() => {})
    return batch
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    await this.#next?.catch(() => {})
  }

  async #make(number: number): Promise<FaceBatch> {
    const { faces, labels } = this.sampler.batch(number)
    const bytes = this.input.width * this.input.height * 3
    const images = new Uint8Array(faces.length * bytes)
    const there = new Uint8Array(faces.length)
    const places = faces.keys()
    const work = async () => {
      for (const index of places) {
        const face = await this.faces.read(faces[index]!)
        if (!face) continue
        const out = images.subarray(index * bytes, (index + 1) * bytes)
        const place = { seed: this.seed, batch: number, index }
        await augment(face, this.faces.border, this.input, place, this.augmentation, out)
        there[index] = 1
      }
    }
    await Promise.all(Array.from({ length: concurrency }, work))
    return { number, ...without(images, labels, there, bytes) }
  }
}

function without(images: Uint8Array, labels: Int32Array, there: Uint8Array, bytes: number) {
  let count = 0
  for (const [index, isThere] of there.entries()) {
    if (!isThere) continue
    if (count < index) images.copyWithin(count * bytes, index * bytes, (index + 1) * bytes)
    count++
  }
  return { images: images.subarray(0, count * bytes), labels: labels.filter((_, index) => there[index] === 1) }
}
