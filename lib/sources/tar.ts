/**
 * Tar archives (POSIX ustar and pax, GNU long names). Only headers are read while listing; an entry's bytes are read
 * from their place in the file when asked for. So entries may be skipped at no cost, read in any order and several at a
 * time, and memory stays small whatever the archive's size.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { cannotRead, FaceNetError } from '../errors.js'
import { imageName } from './folder.js'
import { readPoints } from './points.js'
import type { SourceImage } from './source.js'

const block = 512
/** Headers are fetched through a window of this many bytes: of many small entries, several at a time. */
const windowBytes = 256 * 1024
/** Longest name or pax header accepted. */
const maxHeaderBytes = 1024 * 1024

/** A regular file of a tar archive. */
export interface TarEntry {
  /** Its name in the archive. */
  name: string
  /** Bytes from the start of the archive. */
  offset: number
  /** Its length in bytes. */
  size: number
}

/** Images of an archive, in its order. */
export async function* tarImages(path: string): AsyncGenerator<SourceImage> {
  const points = await readPoints([path.replace(/\.tar$/i, '.tsv')])
  for await (const entry of tarEntries(path)) {
    if (!imageName.test(entry.name)) continue
    yield { path: `${path}/${entry.name}`, read: () => readEntry(path, entry), points: points.get(entry.name) }
  }
}

/**
 * Regular files of an archive, in its order.
 *
 * @param path of the archive.
 * @throws FaceNetError ERR_FACENET_IO where the archive cannot be read or is damaged.
 *
 * @example
 * ```ts
 * for await (const { name, size } of tarEntries('shard.tar')) console.log(name, size)
 * ```
 */
export async function* tarEntries(path: string): AsyncGenerator<TarEntry> {
  const reader = await Reader.open(path)
  try {
    yield* parse(reader)
  } finally {
    await reader.close()
  }
}

async function* parse(reader: Reader): AsyncGenerator<TarEntry> {
  let position = 0
  let longName: string | undefined
  let longSize: number | undefined
  while (position < reader.size) {
    const header = await reader.read(position, block)
    if (header.every((byte) => byte === 0)) return
    checkSum(header, reader.path, position)
    const kind = String.fromCharCode(header[156]!)
    const size = longSize ?? number(header, 124, 12, reader.path)
    position += block
    if (position + size > reader.size) throw damaged(reader.path, `${size} bytes at ${position}`, 'the end of the file')
    if (kind === 'L') longName = text(await reader.read(position, checkHeaderSize(size, reader.path)))
    else if (kind === 'x') {
      const records = paxRecords(await reader.read(position, checkHeaderSize(size, reader.path)), reader.path)
      longName = records.get('path') ?? longName
      longSize = records.has('size') ? decimal(records.get('size')!, reader.path) : undefined
    } else if (kind !== 'g' && kind !== 'K') {
      const name = longName ?? shortName(header)
      if (kind === '0' || kind === '\0' || kind === '7') yield { name, offset: position, size }
      longName = longSize = undefined
    }
    position += Math.ceil(size / block) * block
  }
}

/** The name field, behind the prefix field that POSIX ustar has (GNU keeps other things there). */
function shortName(header: Uint8Array): string {
  const name = text(header.subarray(0, 100))
  const posix = text(header.subarray(257, 263)) === 'ustar' && header[262] === 0
  const prefix = posix ? text(header.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** "<length> <key>=<value>\n" records, lengths in bytes and counting themselves. */
function paxRecords(bytes: Uint8Array, path: string): Map<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const length = space < 0 ? 0 : Number(text(bytes.subarray(at, space)))
    const record = Buffer.from(bytes.subarray(space + 1, at + length - 1)).toString('utf8')
    const equals = record.indexOf('=')
    if (!(length > space - at + 1) || at + length > bytes.length || equals < 0) {
      throw damaged(path, 'a pax record', Buffer.from(bytes.subarray(at, at + 16)).toString('latin1'))
    }
    records.set(record.slice(0, equals), record.slice(equals + 1))
    at += length
  }
  return records
}

/** Octal digits, or for large values a binary number whose first bit is set. */
function number(header: Uint8Array, start: number, length: number, path: string): number {
  const field = header.subarray(start, start + length)
  let value: number
  if (field[0]! & 0x80) value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, field[0]! & 0x7f)
  else {
    const digits = text(field).trim()
    value = digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN
  }
  if (!Number.isSafeInteger(value)) throw damaged(path, 'a size', text(field))
  return value
}

function decimal(digits: string, path: string): number {
  const value = /^\d+$/.test(digits) ? Number(digits) : Number.NaN
  if (!Number.isSafeInteger(value)) throw damaged(path, 'a size', digits)
  return value
}

/** The sum of the header's bytes, its own field counted as spaces. */
function checkSum(header: Uint8Array, path: string, position: number): void {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0)
  if (sum !== number(header, 148, 8, path)) throw damaged(path, 'a tar header', `other bytes at ${position}`)
}

function checkHeaderSize(size: number, path: string): number {
  if (size > maxHeaderBytes) throw damaged(path, `a name of at most ${maxHeaderBytes} bytes`, `${size} bytes`)
  return size
}

/** UTF-8 up to the first NUL. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString('utf8')
}

function damaged(path: string, expected: string, received: string): FaceNetError {
  const message = `Expected ${expected} in ${path} but received ${received}`
  return new FaceNetError('ERR_FACENET_IO', message, { argument: path, expected, received })
}

/** Reads of a file through a window that moves forward. */
class Reader {
  private window: Uint8Array = new Uint8Array(0)
  private start = 0

  private constructor(
    readonly path: string,
    readonly size: number,
    private readonly file: FileHandle,
  ) {}

  static async open(path: string): Promise<Reader> {
    try {
      const file = await open(path)
      return new Reader(path, (await file.stat()).size, file)
    } catch (cause) {
      throw cannotRead(path, 'a readable tar archive', cause)
    }
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const inside = position >= this.start && position + length <= this.start + this.window.length
    if (!inside) {
      this.window = await readAt(this.file, this.path, position, Math.max(length, windowBytes))
      this.start = position
      if (this.window.length < length) throw damaged(this.path, `${length} bytes at ${position}`, 'the end of the file')
    }
    return this.window.subarray(position - this.start, position - this.start + length)
  }

  close(): Promise<void> {
    return this.file.close()
  }
}

async function readEntry(path: string, entry: TarEntry): Promise<Uint8Array> {
  const file = await open(path).catch((cause) => {
    throw cannotRead(path, 'a readable tar archive', cause)
  })
  try {
    const bytes = await readAt(file, path, entry.offset, entry.size)
    if (bytes.length < entry.size) throw damaged(path, `${entry.size} bytes of ${entry.name}`, `${bytes.length} bytes`)
    return bytes
  } finally {
    await file.close()
  }
}

/** Up to `length` bytes: fewer at the end of the file. */
async function readAt(file: FileHandle, path: string, position: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(length)
  let have = 0
  try {
    while (have < length) {
      const { bytesRead } = await file.read(buffer, have, length - have, position + have)
      if (bytesRead === 0) break
      have += bytesRead
    }
  } catch (cause) {
    throw cannotRead(path, 'a readable tar archive', cause)
  }
  return buffer.subarray(0, have)
}
