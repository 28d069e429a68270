/**
 * Reader of safetensors: eight bytes of header length (little-endian), a JSON header, then the tensors' bytes without
 * gaps (https://github.com/huggingface/safetensors). Opening reads the header only. Nothing in a header is believed
 * before it is checked: a file that passes `readHeader` has every tensor inside it, whole and apart from the others.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { cannotRead, invalidModel } from '../../errors.js'
import { isObject, parseStrictJson } from '../strict_json.js'
import { foreignHeadBytes, importFirst } from './foreign.js'

const maxHeaderBytes = 16 * 2 ** 20
const prefixBytes = 8

/** The types of elements that the format knows. */
export type SafetensorsDType =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U64'
  | 'U32'
  | 'U16'
  | 'U8'
  | 'BOOL'

/** Bytes per element. */
const dtypeBytes: Record<SafetensorsDType, number> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
}

/** A tensor of a safetensors file. */
export interface SafetensorsEntry {
  /** Its name. */
  name: string
  /** Type of its elements. */
  dtype: SafetensorsDType
  /** Its extents, the slowest first. */
  shape: number[]
  /** Bytes from the start of the file. */
  offset: number
  /** Its length in bytes. */
  bytes: number
}

/** The checked header of a safetensors file. */
export interface SafetensorsHeader {
  /** Length of the whole file. */
  fileBytes: number
  /** In the order of their offsets. */
  tensors: SafetensorsEntry[]
  /** The header's `__metadata__`. */
  metadata: Map<string, string>
}

/** A file by its path, or its bytes. */
export type Source = string | Uint8Array

/** Reads `bytes` bytes at `offset`. */
export type ReadRange = (offset: number, bytes: number) => Promise<Uint8Array>

/** Opens `source`, hands its size and a reader of ranges to `use`, and closes it again. */
export async function withSource<T>(
  source: Source,
  use: (fileBytes: number, read: ReadRange) => Promise<T>,
): Promise<T> {
  if (typeof source !== 'string') {
    return use(source.length, async (offset, bytes) => source.subarray(offset, offset + bytes))
  }
  let file: FileHandle | undefined
  try {
    // To open a pipe without O_NONBLOCK, which Windows has not, would wait for its writer.
    file = await open(source, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const handle = file
    const stat = await handle.stat()
    if (!stat.isFile()) throw invalidModel(source, 'a file', stat.isDirectory() ? 'a folder' : 'something else')
    return await use(stat.size, (offset, bytes) => readRange(handle, source, offset, bytes))
  } catch (cause) {
    throw cannotRead(source, 'a readable file', cause)
  } finally {
    await file?.close()
  }
}

async function readRange(file: FileHandle, path: string, offset: number, bytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytes)
  let done = 0
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, Math.min(bytes - done, 1 << 30), offset + done)
    if (bytesRead === 0) throw invalidModel(path, `at least ${offset + bytes} bytes`, `${offset + done}`)
    done += bytesRead
  }
  return buffer
}

/** Throws ERR_FACENET_MODEL_INVALID where the file is not sound safetensors, ERR_FACENET_IO where it cannot be read. */
export function readHeader(source: Source): Promise<SafetensorsHeader> {
  return withHeader(source, async (header) => header)
}

/** The same; `use` reads what the header tells of from the file that it stands in, whatever has its name by then. */
export function withHeader<T>(
  source: Source,
  use: (header: SafetensorsHeader, read: ReadRange) => Promise<T>,
): Promise<T> {
  return withSource(source, async (fileBytes, read) => {
    const header = await readHeaderFrom(fileBytes, read).catch(async (error) => {
      const head = await read(0, Math.min(fileBytes, foreignHeadBytes))
      throw importFirst(error, head, typeof source === 'string' ? source : undefined)
    })
    return use(header, read)
  })
}

export async function readHeaderFrom(fileBytes: number, read: ReadRange): Promise<SafetensorsHeader> {
  if (fileBytes < prefixBytes + 2) {
    throw invalidModel('file', `a safetensors file of at least ${prefixBytes + 2} bytes`, `${fileBytes} bytes`)
  }
  const prefix = await read(0, prefixBytes)
  const length = new DataView(prefix.buffer, prefix.byteOffset, prefixBytes).getBigUint64(0, true)
  const most = Math.min(maxHeaderBytes, fileBytes - prefixBytes)
  if (length < 2n || length > BigInt(most)) {
    throw invalidModel('length of the header', `2..${most} bytes`, `${length}, so this is not a whole safetensors file`)
  }
  const headerBytes = Number(length)
  const header = await read(prefixBytes, headerBytes)
  if (header[0] !== 0x7b) throw invalidModel('header', "a first byte '{'", `byte ${header[0]}`)
  const { metadata, tensors } = parseHeader(decodeText(header))
  placeTensors(tensors, prefixBytes + headerBytes, fileBytes)
  return { fileBytes, tensors, metadata }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw invalidModel('header', 'UTF-8 text', 'other bytes', cause)
  }
}

function parseHeader(text: string): Pick<SafetensorsHeader, 'metadata' | 'tensors'> {
  const value = parseStrictJson(text, 'header')
  if (!isObject(value)) throw invalidModel('header', 'a JSON object', value)
  let metadata = new Map<string, string>()
  const tensors: SafetensorsEntry[] = []
  for (const [name, entry] of Object.entries(value)) {
    if (name === '__metadata__') metadata = parseMetadata(entry)
    else tensors.push(parseEntry(name, entry))
  }
  return { metadata, tensors: tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes) }
}

function parseMetadata(value: unknown): Map<string, string> {
  if (!isObject(value)) throw invalidModel('__metadata__', 'an object of strings', value)
  const entries = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text !== 'string') throw invalidModel(`__metadata__.${key}`, 'a string', text)
    return [key, text]
  })
  return new Map(entries)
}

/** `offset` still counts from the end of the header. */
function parseEntry(name: string, value: unknown): SafetensorsEntry {
  if (!isObject(value)) throw invalidModel(`tensor ${name}`, 'an object', value)
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypeBytes, dtype)) {
    throw invalidModel(`dtype of ${name}`, `one of ${Object.keys(dtypeBytes).join(', ')}`, dtype)
  }
  if (!isListOfCounts(shape)) throw invalidModel(`shape of ${name}`, 'non-negative integers', shape)
  if (!isListOfCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw invalidModel(`data_offsets of ${name}`, 'two non-negative integers, begin <= end', offsets)
  }
  const bytes = offsets[1]! - offsets[0]!
  const needed = checkedBytes(name, shape, dtypeBytes[dtype as SafetensorsDType])
  if (bytes !== needed) {
    throw invalidModel(`data of ${name}`, `${needed} bytes for ${dtype} ${shape.join('x')}`, `${bytes} bytes`)
  }
  return { name, dtype: dtype as SafetensorsDType, shape, offset: offsets[0]!, bytes }
}

function isListOfCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((entry) => Number.isSafeInteger(entry) && entry >= 0)
}

function checkedBytes(name: string, shape: number[], elementBytes: number): number {
  if (shape.includes(0)) return 0
  const bytes = shape.reduce((product, extent) => {
    const next = product * extent
    if (!Number.isSafeInteger(next))
      throw invalidModel(`shape of ${name}`, 'a size that fits in memory', shape.join('x'))
    return next
  }, elementBytes)
  return bytes
}

/** Checks that the tensors lie one after another and end with the file, and makes their offsets count from its start. */
function placeTensors(tensors: SafetensorsEntry[], start: number, fileBytes: number): void {
  let end = 0
  for (const tensor of tensors) {
    if (tensor.offset !== end) {
      throw invalidModel(
        `data_offsets of ${tensor.name}`,
        `begin ${end}, where the tensor before ends`,
        `${tensor.offset}`,
      )
    }
    end += tensor.bytes
    tensor.offset += start
  }
  if (start + end !== fileBytes) {
    throw invalidModel('file', `${start + end} bytes, as the header says`, `${fileBytes} bytes`)
  }
}
