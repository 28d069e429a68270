/**
 * Tar archives (POSIX ustar and pax, GNU long names). Only headers are read while listing; of a plain archive an entry's bytes
 * are read from their place in the file when asked for. So entries may be skipped at no cost, read in any order and several at a
 * time, and memory stays small whatever the archive's size.
 */
import { type Bytes, damaged, FileBytes } from './archive_bytes.js'

const block = 512
/** Longest name or pax header accepted. */
const maxHeaderBytes = 1024 * 1024
/** `5 a=\n`: a rest that is shorter is no pax record. GNU tar passes over it too. */
const shortestRecord = 5

/** A regular file of a tar archive. */
export interface TarEntry {
  /** Its name in the archive. */
  name: string
  /** Bytes from the start of the archive. */
  offset: number
  /** Its length in bytes. */
  size: number
}

/** Also what is no regular file: `kind` is the header's type flag, `sparse` where the bytes are not the file's own. */
export interface AnyTarEntry extends TarEntry {
  kind: string
  sparse: boolean
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
  const bytes = await FileBytes.open(path)
  try {
    for await (const { kind, sparse, ...entry } of parseTar(bytes)) {
      if (isRegular(kind) && !sparse) yield entry
    }
  } finally {
    await bytes.close()
  }
}

export const isRegular = (kind: string): boolean => kind === '0' || kind === '\0' || kind === '7'
export const isTarFolder = (kind: string): boolean => kind === '5'
/** Hard and symbolic ones. */
export const isTarLink = (kind: string): boolean => kind === '1' || kind === '2'

/** `bytes` may be read from an entry's place on until the next one is asked for. */
export async function* parseTar(bytes: Bytes): AsyncGenerator<AnyTarEntry> {
  const { path } = bytes
  let position = 0
  let next: PaxNotes = {}
  while (!(await bytes.endsAt(position))) {
    const header = await bytes.read(position, block)
    if (header.every((byte) => byte === 0)) return
    checkSum(header, path, position)
    const kind = String.fromCharCode(header[156]!)
    const isNote = kind === 'L' || kind === 'K' || kind === 'x' || kind === 'g'
    const size = (isNote ? undefined : next.size) ?? number(header, 124, 12, path)
    const name = shortName(header)
    const more = kind === 'S' && header[482] === 1
    position += block
    if (more) position = await skipSparseMap(bytes, position)
    if (bytes.size !== undefined && position + size > bytes.size) {
      throw damaged(path, `${size} bytes at ${position}`, 'the end of the file')
    }
    if (kind === 'L') {
      next.name = text(await bytes.read(position, checkHeaderSize(size, path)))
    } else if (kind === 'x') {
      next = { ...next, ...notesOf(paxRecords(await bytes.read(position, checkHeaderSize(size, path)), path), path) }
    } else if (!isNote) {
      const sparse = kind === 'S' || next.sparse === true
      yield { name: next.name ?? name, offset: position, size, kind, sparse }
      next = {}
    }
    position += Math.ceil(size / block) * block
  }
}

/** What pax records and GNU names say of the entry behind them. */
interface PaxNotes {
  name?: string
  size?: number
  sparse?: boolean
}

function notesOf(records: Map<string, string>, path: string): PaxNotes {
  const notes: PaxNotes = {}
  const name = records.get('GNU.sparse.name') ?? records.get('path')
  if (name !== undefined) notes.name = name
  if (records.has('size')) notes.size = decimal(records.get('size')!, path)
  if ([...records.keys()].some((key) => key.startsWith('GNU.sparse.'))) notes.sparse = true
  return notes
}

/** GNU's sparse files of old: blocks with more of the map follow the header as long as their last field says so. */
async function skipSparseMap(bytes: Bytes, position: number): Promise<number> {
  const map = await bytes.read(position, block)
  return map[504] === 1 ? skipSparseMap(bytes, position + block) : position + block
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
  for (let at = 0; bytes.length - at >= shortestRecord && bytes[at] !== 0; ) {
    const space = bytes.indexOf(0x20, at)
    const digits = space < 0 ? '' : text(bytes.subarray(at, space))
    const length = /^\d{1,10}$/.test(digits) ? Number(digits) : 0
    const record = Buffer.from(bytes.subarray(space + 1, Math.max(space + 1, at + length - 1))).toString('utf8')
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
