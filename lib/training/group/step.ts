/** A training step of several processes, each with a part of the batch. */
import type { StepOptions, StepReport, TrainerTensor } from '../../../types/native.js'
import { FaceNetError, invalidArgument } from '../../errors.js'
import { sharedFloats } from '../../native/shared_memory.js'
import type { OpenTrainer } from '../open_trainer.js'
import type { Group } from './group.js'

export interface Part {
  images: Uint8Array
  labels: Int32Array
}

/** Values of tensors, one after the other, and where each lies. */
class Values {
  readonly all: Float32Array
  readonly names: string[]
  readonly each: Float32Array[]

  constructor(chosen: readonly TrainerTensor[]) {
    const sizes = chosen.map(({ shape }) => shape.reduce((product, extent) => product * extent, 1))
    this.all = sharedFloats(sizes.reduce((sum, size) => sum + size, 0))
    this.names = chosen.map(({ name }) => name)
    let at = 0
    this.each = sizes.map((size) => {
      at += size
      return this.all.subarray(at - size, at)
    })
  }
}

/** What a trainer does as a member of a group. */
export class Member {
  readonly #gradients: Values
  readonly #statistics: Values

  constructor(
    private readonly open: OpenTrainer,
    readonly group: Group,
  ) {
    open.check()
    const { tensors } = open.native
    this.#gradients = new Values(tensors.filter(({ kind }) => kind === 'gradient'))
    this.#statistics = new Values(tensors.filter(({ kind }) => kind === 'statistic'))
  }

  /** Takes over all that rank 0's trainer has: weights, statistics, the optimiser's state and counters. Resolves to its steps. */
  async takeOver(): Promise<number> {
    const { all, names, each } = new Values(this.open.native.tensors.filter(({ kind }) => kind !== 'gradient'))
    const own = await this.open.run(undefined, (native) => native.read(names, each))
    const counters = await this.group.fromFirst(own)
    if (this.group.rank > 0) all.fill(0)
    await this.group.sum(all)
    if (this.group.rank > 0) await this.open.run(undefined, (native) => native.write(names, each, counters))
    return counters.steps
  }

  /**
   * One step on the parts of all processes. Where it fails here, the process leaves the group: the others cannot go on without it. The
   * trainer is as it was before.
   */
  async step(part: Part, how: StepOptions, signal: AbortSignal | undefined): Promise<StepReport> {
    for (const [name, value] of Object.entries({ triplets: how.triplets, teacher: how.teacher })) {
      if (value === undefined) continue
      throw invalidArgument(`options.${name}`, 'nothing: a group goes by the labels of all its processes', value)
    }
    try {
      const whole = await this.#embed(part, signal)
      await this.open.run(signal, (native, cancel) => {
        const { embeddings, labels, first } = whole
        return native.learnPart(part.images, part.labels.length, embeddings, labels, first, cancel)
      })
      await this.#sum(this.#gradients, 1)
      await this.#sum(this.#statistics, 1 / this.group.worldSize)
      return await this.open.run(undefined, (native) => native.update(how))
    } catch (error) {
      this.group.fail(toReason(error))
      await this.open.run(undefined, (native) => native.abandon()).catch(() => {})
      throw error
    }
  }

  /** Embeddings and labels of all parts, by rank. */
  async #embed({ images, labels }: Part, signal: AbortSignal | undefined) {
    const { dimensions } = this.open.native
    const count = labels.length
    const own = new Int32Array(count * (1 + dimensions))
    const rows = new Float32Array(own.buffer, count * 4)
    await this.open.run(signal, (native, cancel) => native.embedPart(images, count, rows, cancel))
    own.set(labels)
    const parts = (await this.group.gather(new Uint8Array(own.buffer))).map((bytes) => {
      const total = bytes.length / 4 / (1 + dimensions)
      return {
        labels: new Int32Array(bytes.buffer, bytes.byteOffset, total),
        rows: new Float32Array(bytes.buffer, bytes.byteOffset + 4 * total, total * dimensions),
      }
    })
    const countsBefore = parts.slice(0, this.group.rank).map((part) => part.labels.length)
    const total = parts.reduce((sum, part) => sum + part.labels.length, 0)
    const whole = { embeddings: sharedFloats(total * dimensions), labels: new Int32Array(total) }
    let at = 0
    for (const part of parts) {
      whole.labels.set(part.labels, at)
      whole.embeddings.set(part.rows, at * dimensions)
      at += part.labels.length
    }
    return { ...whole, first: countsBefore.reduce((sum, each) => sum + each, 0) }
  }

  /** The tensors' sums over all processes, times `factor`. */
  async #sum({ all, names, each }: Values, factor: number): Promise<void> {
    if (all.length === 0) return
    await this.open.run(undefined, (native) => native.read(names, each))
    await this.group.sum(all)
    if (factor !== 1) for (let i = 0; i < all.length; i++) all[i]! *= factor
    await this.open.run(undefined, (native) => native.write(names, each))
  }
}

function toReason(error: unknown): FaceNetError {
  if (error instanceof FaceNetError) return error
  return new FaceNetError('ERR_FACENET_INTERNAL', (error as Error).message, { cause: error })
}
