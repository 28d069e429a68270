/** What a trainer holds of the addon: calls that are under way, files that are being written, and the end of both. */
import type { Cancel, NativeTrainer, TrainerTensor } from '../../types/native.js'
import { disposed, invalidArgument } from '../errors.js'
import { checkOptions, checkSignal } from '../native/check_arguments.js'
import { enqueueCall, InFlight } from '../native/queue.js'
import { Turns } from '../native/turns.js'
import type { CallOptions } from './trainer_calls.js'
import { readTensors, type Snapshot } from './trainer_tensors.js'

export class OpenTrainer {
  readonly #running = new InFlight()
  readonly #files = new Turns()
  #closing: Promise<void> | undefined

  constructor(readonly native: NativeTrainer) {}

  get disposed(): boolean {
    return this.#closing !== undefined
  }

  check(): void {
    if (this.disposed) throw disposed('trainer')
  }

  /** Of a call's options, of which `others` are its own. */
  checkCall(options: CallOptions, others: readonly string[] = []): AbortSignal | undefined {
    this.check()
    checkOptions(options, 'options', ['signal', ...others])
    return checkSignal(options.signal)
  }

  /** Native work of this trainer, in turn with all other; `close` waits for it. */
  run<T>(signal: AbortSignal | undefined, call: (native: NativeTrainer, cancel: Cancel) => Promise<T>): Promise<T> {
    return this.#running.track(enqueueCall(signal, (cancel) => call(this.native, cancel)))
  }

  snapshot(selected: (tensor: TrainerTensor) => boolean, read?: 'read' | 'readModel'): Promise<Snapshot> {
    return this.run(undefined, (native) => readTensors(native, selected, read))
  }

  /** On the images of all batches, of which there has to be one. */
  async measureStatistics(
    batches: AsyncIterable<{ data: Uint8Array; count: number }>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let measured = 0
    for await (const { data, count } of batches) {
      const anew = measured === 0
      await this.run(signal, (native, cancel) => native.measureStatistics(data, count, anew, cancel))
      measured += count
    }
    if (measured === 0) throw invalidArgument('images', 'at least one image', 'none')
  }

  /** Files are written one after the other. */
  write<T>(write: () => Promise<T>): Promise<T> {
    return this.#files.run(write)
  }

  /** Resolves when everything is freed and every file is written. */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    await this.#running.settled()
    await this.#files.settled()
    this.native.dispose()
  }
}
