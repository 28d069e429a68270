/** What a trainer holds of the addon: calls that are under way, files that are being written, and the end of both. */
import type { Cancel, NativeTrainer, TrainerTensor } from '../../types/native.js'
import { disposed } from '../errors.js'
import { checkOptions, checkSignal } from '../native/check_arguments.js'
import { enqueueCall, InFlight } from '../native/queue.js'
import type { CallOptions } from './trainer_calls.js'
import { readTensors, type Snapshot } from './trainer_tensors.js'

export class OpenTrainer {
  readonly #running = new InFlight()
  #saving: Promise<unknown> = Promise.resolve()
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

  /** Files are written one after the other. */
  async write<T>(write: () => Promise<T>): Promise<T> {
    const work = this.#saving.then(write)
    this.#saving = work.catch(() => {})
    return work
  }

  /** Resolves when everything is freed and every file is written. */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    await this.#running.settled()
    await this.#saving
    this.native.dispose()
  }
}
