/**
 * Looks over the pages of a Parquet file before they are decoded. The decoder believes the lengths of runs, so a byte that was changed can
 * keep it busy for minutes: here each run is held against the number of values that the page says it has. Only what
 * `parquet.ts` writes is let through: pages of version 2, plain values, levels of one bit.
 */
import type { ColumnMetaData } from 'hyparquet'
import { invalidArgument } from '../../errors.js'

const [pageV2, plain] = [3, 0]
/** Snappy shortens to a twentieth at most. */
const [mostTimes, room] = [32, 2 ** 16]

/** `path` stands for the file in errors; `values`: the most that the column has. */
export function checkPages(path: string, file: Uint8Array, column: ColumnMetaData, values: number): void {
  const name = column.path_in_schema.join('.')
  const wrong = (received: string) =>
    invalidArgument(`${path}, column ${name}`, 'whole pages, as embed writes them', received)
  const start = Number(column.data_page_offset)
  const end = start + Number(column.total_compressed_size)
  if (column.dictionary_page_offset !== undefined) throw wrong('a dictionary')
  if (!(start >= 4 && end >= start && end <= file.length)) throw wrong(`bytes ${start} to ${end}`)
  const count = Number(column.num_values)
  if (!(count >= 0 && count <= values)) throw wrong(`${column.num_values} values`)
  const reader = new Reader(file, start, end, wrong)
  for (let have = 0; have < count; ) {
    const header = reader.struct(0)
    const [packed, v2] = [integer(header, 3), header.get(8)]
    if (integer(header, 1) !== pageV2 || !(v2 instanceof Map) || integer(v2, 4) !== plain)
      throw wrong('a page of another kind')
    const [own, definition, repetition] = [integer(v2, 1), integer(v2, 5), integer(v2, 6)]
    const page = reader.at
    const sound =
      own > 0 && have + own <= count && packed >= 0 && page + packed <= end && definition >= 0 && repetition >= 0
    if (!sound || definition + repetition > packed) throw wrong(`a page of ${own} values in ${packed} bytes`)
    if (integer(header, 2) > packed * mostTimes + room)
      throw wrong(`a page that unpacks to ${integer(header, 2)} bytes`)
    if (repetition > 0) reader.levels(own, page + repetition)
    if (definition > 0) reader.levels(own, page + repetition + definition)
    reader.at = page + packed
    have += own
  }
}

type Struct = Map<number, unknown>

const integer = (struct: Struct, field: number): number => {
  const value = struct.get(field)
  return typeof value === 'number' ? value : Number.NaN
}

class Reader {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
    private readonly end: number,
    private readonly wrong: (received: string) => Error,
  ) {}

  /** Runs of levels up to `end`: no more of them than the page has values, of which eight are packed together. */
  levels(count: number, end: number): void {
    for (let seen = 0; seen < count; ) {
      const header = this.varint()
      const packed = header % 2 === 1
      const run = Math.floor(header / 2) * (packed ? 8 : 1)
      if (run === 0 || run > count - seen + (packed ? 7 : 0)) throw this.wrong(`a run of ${run} levels`)
      this.at += packed ? run / 8 : 1
      if (this.at > end) throw this.wrong('levels that go on behind their end')
      seen += run
    }
    this.at = end
  }

  /** Thrift's compact protocol. */
  struct(depth: number): Struct {
    if (depth > 8) throw this.wrong('a page header in a page header')
    const fields: Struct = new Map()
    for (let id = 0; ; ) {
      const head = this.byte()
      if (head === 0) return fields
      id = head >> 4 ? id + (head >> 4) : this.zigzag()
      fields.set(id, this.value(head & 15, depth))
    }
  }

  private value(type: number, depth: number): unknown {
    switch (type) {
      case 1:
      case 2:
        return type === 1
      case 3:
        return this.byte()
      case 4:
      case 5:
      case 6:
        return this.zigzag()
      case 7:
        return this.skip(8)
      case 8:
        return this.skip(this.varint())
      case 12:
        return this.struct(depth + 1)
      default:
        throw this.wrong(`a field of type ${type}`)
    }
  }

  private skip(count: number): undefined {
    if (!(this.at + count <= this.end)) throw this.wrong('an end within a field')
    this.at += count
  }

  private byte(): number {
    if (this.at >= this.end) throw this.wrong('an end within a page')
    return this.bytes[this.at++]!
  }

  private varint(): number {
    for (let [value, scale] = [0, 1]; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      if (scale > 2 ** 49) throw this.wrong('a number of more than 53 bits')
    }
  }

  private zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}
