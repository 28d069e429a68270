/** The least of a zip writer, to make archives of every kind, also wrong ones. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipContent {
  data: Uint8Array | string
  deflate?: boolean
  /** What the directory says instead of the truth. */
  size?: number
  packedSize?: number
  /** Bit 0: encrypted. */
  flags?: number
  method?: number
  mode?: number
  /** The place of another entry's bytes. */
  offset?: number
}

export function zipOf(entries: Record<string, string | ZipContent>): Buffer {
  const [files, directory]: [Buffer[], Buffer[]] = [[], []]
  let place = 0
  for (const [name, content] of Object.entries(entries)) {
    const { data, deflate = false, flags = 0, ...given } = typeof content === 'string' ? { data: content } : content
    const bytes = Buffer.from(data)
    const packed = deflate ? deflateRawSync(bytes) : bytes
    const path = Buffer.from(name)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(flags | 0x800, 2)
    common.writeUInt16LE(given.method ?? (deflate ? 8 : 0), 4)
    common.writeUInt32LE(crc32(bytes), 10)
    common.writeUInt32LE(given.packedSize ?? packed.length, 14)
    common.writeUInt32LE(given.size ?? bytes.length, 18)
    common.writeUInt16LE(path.length, 22)
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(((given.mode ?? 0) << 16) >>> 0, 6)
    rest.writeUInt32LE(given.offset ?? place, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x03'), common, rest, path)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, path, packed])
    files.push(local)
    place += local.length
  }
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(Object.keys(entries).length, 8)
  end.writeUInt16LE(Object.keys(entries).length, 10)
  end.writeUInt32LE(
    directory.reduce((sum, part) => sum + part.length, 0),
    12,
  )
  end.writeUInt32LE(place, 16)
  return Buffer.concat([...files, ...directory, end])
}
