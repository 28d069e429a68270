/**
 * Images of zip archives. yauzl reads the directory at the archive's end; an entry's bytes are read from their place when asked
 * for, at most as many as the directory says, so that nothing unpacks to more than it states.
 */
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { constants, crc32, inflateRaw, type ZlibOptions } from 'node:zlib'
import yauzl, { type Entry, type ZipFile } from 'yauzl'
import { cannotRead, FaceNetError } from '../errors.js'
import { type ArchiveEntry, archiveImages, unlessImage } from './archive.js'
import { damaged, readRange } from './archive_bytes.js'
import type { Walk } from './folder.js'
import { readPoints } from './points.js'
import type { SourceImage } from './source.js'

const inflate = promisify(inflateRaw) as (bytes: Uint8Array, options: ZlibOptions) => Promise<Buffer>

/** Of the header that stands before an entry's bytes, without the name and extra fields behind it. */
const localHeaderBytes = 30
const [stored, deflated] = [0, 8]
/** An entry may be unpacked to so many times its size, and `room` beside that: no format of photographs shrinks so far. */
const mostTimes = 100
const room = 16 * 2 ** 20

/** Images of an archive, in the order of its directory. */
export async function* zipImages(path: string, walk: Walk): AsyncGenerator<SourceImage> {
  const points = await readPoints([path.replace(/\.zip$/i, '.tsv')])
  yield* archiveImages(path, zipEntries(path), points, walk)
}

async function* zipEntries(path: string): AsyncGenerator<ArchiveEntry> {
  let archive: ZipFile | undefined
  try {
    const { size } = await stat(path)
    // Names are judged where those of other archives are; yauzl would end at the first that leads out of the archive.
    // So are sizes that do not fit together, when the entry is read.
    const ours = { decodeStrings: false, validateEntrySizes: false }
    archive = await yauzl.openPromise(path, { lazyEntries: true, autoClose: false, ...ours })
    let packed = 0
    for await (const entry of archive.eachEntry()) {
      packed += entry.compressedSize
      if (packed > size) throw damaged(path, 'entries that lie beside each other', 'entries that overlap')
      const name = nameOf(entry)
      if (!name.endsWith('/')) yield entryOf(path, name, entry)
    }
  } catch (cause) {
    if (cause instanceof FaceNetError) throw cause
    // What yauzl itself says has no code; what the file system says has.
    const { code, message } = cause as NodeJS.ErrnoException
    throw code === undefined ? damaged(path, 'a zip archive', message) : cannotRead(path, 'a readable archive', cause)
  } finally {
    archive?.close()
  }
}

function entryOf(path: string, name: string, entry: Entry): ArchiveEntry {
  const { uncompressedSize: size } = entry
  const read = (length: number, shown: string) => readEntry(path, shown, entry, length)
  return {
    name,
    size,
    ...oddity(name, entry),
    readHead: (length) => read(length, `${path}/${name}`),
    take: async (shown) => () => read(size, shown),
  }
}

function oddity(name: string, entry: Entry): Partial<ArchiveEntry> {
  const { compressionMethod: method, compressedSize, uncompressedSize: size, externalFileAttributes } = entry
  // The upper half are Unix modes, of which 0xA000 is a symbolic link.
  if (externalFileAttributes >>> 28 === 0xa) return { passedOver: { kind: 'link', reason: 'a link within an archive' } }
  if (entry.isEncrypted()) return unlessImage(name, 'encrypted', 'an encrypted one', 'a file that is not encrypted')
  if (method !== stored && method !== deflated) {
    return unlessImage(name, 'unknown compression', `zip method ${method}`, 'a file that is stored or deflated')
  }
  if (size > compressedSize * mostTimes + room) {
    const received = `one that unpacks from ${compressedSize} bytes to ${size}`
    return unlessImage(name, 'bomb', received, `a file that unpacks to at most ${mostTimes} times its size`)
  }
  return {}
}

/** The first `length` bytes of an entry: all of them, which are then checked, or fewer. */
async function readEntry(path: string, shown: string, entry: Entry, length: number): Promise<Uint8Array> {
  const { compressedSize, compressionMethod, uncompressedSize, relativeOffsetOfLocalHeader: start } = entry
  const header = Buffer.from(await readRange(path, start, localHeaderBytes))
  if (header.length < localHeaderBytes || header.readUInt32LE(0) !== 0x04034b50) {
    throw damaged(path, `the header of ${shown}`, 'other bytes')
  }
  const place = start + localHeaderBytes + header.readUInt16LE(26) + header.readUInt16LE(28)
  const whole = length === uncompressedSize
  // Deflate's blocks are a little longer than what does not shrink.
  const packed = await readRange(path, place, whole ? compressedSize : Math.min(compressedSize, length * 2 + 4096))
  if (whole && packed.length < compressedSize) throw damaged(path, `${compressedSize} bytes of ${shown}`, 'fewer')
  const bytes =
    compressionMethod === stored ? packed.subarray(0, length) : await unpack(path, shown, packed, length, whole)
  if (whole && (bytes.length !== uncompressedSize || crc32(bytes) !== entry.crc32)) {
    throw damaged(path, `${uncompressedSize} bytes of ${shown} with the checksum that is stored`, 'other bytes')
  }
  return bytes
}

async function unpack(path: string, shown: string, packed: Uint8Array, length: number, whole: boolean) {
  try {
    if (whole) return await inflate(packed, { maxOutputLength: Math.max(length, 1) })
    // As far as it goes: the packed bytes are cut off.
    return (await inflate(packed, { finishFlush: constants.Z_SYNC_FLUSH })).subarray(0, length)
  } catch (cause) {
    throw damaged(path, `the deflated bytes of ${shown}`, (cause as Error).message)
  }
}

/** UTF-8, or the code page 437 of the first zips; without a check. */
function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string {
  return yauzl.getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false)
}
