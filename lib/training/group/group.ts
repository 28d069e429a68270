/** Processes that train one network together, and what they compute of all their values. */
import { FaceNetError } from '../../errors.js'
import { Turns } from '../../native/turns.js'
import { connect } from './connect.js'
import { checkGroupOptions, type GroupOptions } from './options.js'
import { Wire } from './wire.js'

/**
 * Joins a group: resolves when all of its processes are there. Rank 0 listens at `address`:`port`, the others call there and are told
 * of each other; then each process talks to its two neighbours in a ring alone. Nothing is encrypted and nobody proves who they are:
 * use a network that only the group's machines reach.
 *
 * @param options who this process is and where rank 0 listens; what is left out is read from the environment, as launchers set it:
 *   `RANK`, `WORLD_SIZE`, `MASTER_ADDR`, `MASTER_PORT`.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where ranks and sizes do not fit, or another process trains something else;
 *   ERR_FACENET_IO where the port is in use; ERR_FACENET_PEER_LOST where somebody has not come within `timeout`; ERR_FACENET_ABORTED
 *
 * @example
 * ```ts
 * const group = await joinGroup({ rank: 0, worldSize: 2, address: '10.0.0.1', port: 29500 })
 * await using trainer = await createTrainer('nns2', { seed: 1 })
 * await trainer.join(group)
 * ```
 */
export async function joinGroup(options: GroupOptions = {}): Promise<Group> {
  const settings = checkGroupOptions(options, process.env)
  const { rank, worldSize } = settings
  if (worldSize === 1) return makeGroup(rank, worldSize, undefined)
  return makeGroup(rank, worldSize, new Wire(await connect(settings)))
}

let makeGroup: (rank: number, worldSize: number, wire: Wire | undefined) => Group

/**
 * A process's place in a group, of `joinGroup`. Every process makes the same calls in the same order. Where one is lost, the calls of
 * all others reject with ERR_FACENET_PEER_LOST, at once or after `peerTimeout`.
 *
 * @example
 * ```ts
 * await using group = await joinGroup()
 * const counts = Float32Array.of(12)
 * await group.sum(counts) // the same in every process
 * ```
 */
export class Group {
  static {
    makeGroup = (rank, worldSize, wire) => new Group(rank, worldSize, wire)
  }

  /** Of this process, 0..worldSize-1. */
  readonly rank: number
  /** How many processes there are. */
  readonly worldSize: number
  readonly #wire: Wire | undefined
  #exchanges = 0
  readonly #turns = new Turns()

  private constructor(rank: number, worldSize: number, wire: Wire | undefined) {
    this.rank = rank
    this.worldSize = worldSize
    this.#wire = wire
  }

  /** Bytes that this process has sent so far. */
  get sentBytes(): number {
    return this.#wire?.sentBytes ?? 0
  }

  /**
   * The bytes of every process, by rank.
   *
   * @param bytes of this process; lengths may differ.
   */
  gather(bytes: Uint8Array): Promise<Uint8Array[]> {
    return this.#together(async () => {
      const all: Uint8Array[] = new Array(this.worldSize)
      all[this.rank] = bytes
      for (let i = 0; i < this.worldSize - 1; i++) {
        all[this.#before(i + 1)] = await this.#exchange(all[this.#before(i)]!)
      }
      return all
    })
  }

  /**
   * Adds the values of all processes, in place: each has the same bits afterwards. Every process sends 2 (worldSize - 1) / worldSize
   * of the values, which is the least that there is (Patarasuk and Yuan, 2009).
   *
   * @param values as many on every process.
   */
  sum(values: Float32Array): Promise<void> {
    return this.#together(async () => {
      const { worldSize } = this
      const bounds = Array.from({ length: worldSize + 1 }, (_, i) => Math.floor((values.length * i) / worldSize))
      const segment = (i: number) => values.subarray(bounds[i], bounds[i + 1])
      for (let i = 0; i < worldSize - 1; i++) {
        const own = segment(this.#before(i + 1))
        const came = floatsOf(await this.#exchange(bytesOf(segment(this.#before(i)))), own.length)
        for (let k = 0; k < own.length; k++) own[k]! += came[k]!
      }
      for (let i = 0; i < worldSize - 1; i++) {
        const own = segment(this.#before(i))
        own.set(floatsOf(await this.#exchange(bytesOf(segment(this.#before(i - 1)))), own.length))
      }
    })
  }

  /**
   * What rank 0 says.
   *
   * @param value what JSON can hold; of rank 0 alone.
   */
  async fromFirst<T>(value: T): Promise<T> {
    const own = this.rank === 0 ? Buffer.from(JSON.stringify(value)) : new Uint8Array(0)
    const [bytes] = await this.gather(own)
    return JSON.parse(Buffer.from(bytes!).toString()) as T
  }

  /** Leaves the group in good order, once the calls so far have ended. */
  async close(): Promise<void> {
    await this.#turns.settled()
    await this.#wire?.leave()
  }

  /**
   * Leaves at once, with all calls under way: for the others this process is lost.
   *
   * @param why the calls reject with it.
   */
  fail(why: FaceNetError): void {
    this.#wire?.lose(why)
  }

  /** `close`, at the end of a block by `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The rank so many places before this one. */
  #before(places: number): number {
    return (this.rank - places + 2 * this.worldSize) % this.worldSize
  }

  /** Who cannot go on leaves, so that nobody waits for it. */
  #together<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      try {
        return await work()
      } catch (error) {
        this.#wire?.lose(error as FaceNetError)
        throw error
      }
    })
  }

  async #exchange(bytes: Uint8Array): Promise<Uint8Array> {
    const number = ++this.#exchanges
    const [, came] = await Promise.all([this.#wire!.send(number, bytes), this.#wire!.receive(number)])
    return came
  }
}

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

function floatsOf(bytes: Uint8Array, count: number): Float32Array {
  if (bytes.length !== 4 * count) {
    const message = `Expected ${count} values of every process but received ${bytes.length / 4}`
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, {
      argument: 'values',
      expected: `${count} values`,
      received: `${bytes.length / 4}`,
    })
  }
  return new Float32Array(bytes.buffer, bytes.byteOffset, count)
}
