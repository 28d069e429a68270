/**
 * Scalars for TensorBoard: an event file of TFRecords, each a length and an `Event` message with their checksums.
 *
 *     uint64 length, uint32 masked crc32c(length), bytes data, uint32 masked crc32c(data)     little-endian
 *     Event   { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5 }
 *     Summary { repeated Value value = 1 },  Value { string tag = 1; float simple_value = 2 }
 */
import { open } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { cannotWrite } from '../errors.js'

/** Numbers by their names; those that are missing or not finite are left out. */
export type Scalars = Readonly<Record<string, number | null | undefined>>

/**
 * Writes scalars to an event file that TensorBoard reads.
 *
 * @example
 * ```ts
 * const writer = await EventWriter.create('run')
 * await writer.write(1, { loss: 0.21 })
 * await writer.close()
 * ```
 */
export class EventWriter {
  private constructor(
    readonly path: string,
    private readonly file: Awaited<ReturnType<typeof open>>,
  ) {}

  /**
   * Makes a new file in a folder: TensorBoard reads all files of a folder as one run.
   *
   * @param folder of the run; it has to be there.
   * @param now milliseconds since 1970.
   * @throws FaceNetError ERR_FACENET_IO where the disk refuses.
   */
  static async create(folder: string, now = Date.now()): Promise<EventWriter> {
    const name = `events.out.tfevents.${Math.floor(now / 1000)}.${hostname()}.${process.pid}`
    const path = join(folder, name)
    const file = await open(path, 'a').catch((cause) => fail(path, cause))
    const writer = new EventWriter(path, file)
    await writer.#append(Buffer.concat([wallTime(now), text(3, 'brain.Event:2')]))
    return writer
  }

  /**
   * Adds the values of one step. Values that are missing or not finite are left out.
   *
   * @param step number of the step.
   * @param scalars values by name.
   * @param now milliseconds since 1970.
   */
  async write(step: number, scalars: Scalars, now = Date.now()): Promise<void> {
    const values = Object.entries(scalars).flatMap(([tag, value]) =>
      typeof value === 'number' && Number.isFinite(value)
        ? [bytes(1, Buffer.concat([text(1, tag), float(2, value)]))]
        : [],
    )
    if (values.length === 0) return
    await this.#append(Buffer.concat([wallTime(now), integer(2, step), bytes(5, Buffer.concat(values))]))
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.file.close()
  }

  async #append(data: Buffer): Promise<void> {
    await this.file.appendFile(record(data)).catch((cause) => fail(this.path, cause))
  }
}

export function record(data: Uint8Array): Buffer {
  const out = Buffer.alloc(data.length + 16)
  out.writeBigUInt64LE(BigInt(data.length), 0)
  out.writeUInt32LE(masked(crc32c(out.subarray(0, 8))), 8)
  out.set(data, 12)
  out.writeUInt32LE(masked(crc32c(data)), 12 + data.length)
  return out
}

/** CRC-32 of Castagnoli's polynomial, bits reversed: RFC 3720, B.4. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0x82f63b78 ^ (crc >>> 1) : crc >>> 1
  return crc
})

/** A checksum of data that holds checksums would be weak, so records turn it by 15 bits and add a constant. */
export function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

// Fields of protobuf messages: a tag of field number and kind, then the value.

function wallTime(now: number): Buffer {
  const out = Buffer.alloc(9)
  out[0] = (1 << 3) | 1
  out.writeDoubleLE(now / 1000, 1)
  return out
}

function float(field: number, value: number): Buffer {
  const out = Buffer.alloc(5)
  out[0] = (field << 3) | 5
  out.writeFloatLE(value, 1)
  return out
}

const integer = (field: number, value: number): Buffer => Buffer.from([field << 3, ...varint(value)])
const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value))
const bytes = (field: number, value: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(value.length)]), value])

function varint(value: number): number[] {
  const out: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128)
  return [...out, rest]
}

function fail(path: string, cause: unknown): never {
  throw cannotWrite(path, 'a file that can be written', cause)
}
