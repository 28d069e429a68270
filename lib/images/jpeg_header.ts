/**
 * What the segments before a JPEG's pixels say, as far as the addon decodes it to the very pixels that sharp makes of it. All
 * else (CMYK, ICC profiles, 12 bits, lossless, arithmetic coding, EXIF that has to be guessed at) is left to sharp.
 */

export interface PlainJpeg {
  /** In pixels, as stored. */
  width: number
  height: number
  /** 1..8, as EXIF counts them; 5 and above: width and height are exchanged when it is displayed. */
  orientation: number
}

/** Photographs have some twenty; a file of nothing else is not walked to its end. */
const mostSegments = 1000

/** Undefined where it is not one of those, or damaged. */
export function plainJpeg(bytes: Uint8Array): PlainJpeg | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let size: { width: number; height: number } | undefined
  let orientation: number | undefined
  for (let at = 2, i = 0; i < mostSegments && at + 4 <= file.length; ++i) {
    const marker = file[at + 1]!
    if (file[at] !== 0xff || marker < 0xc0 || marker === 0xff) return undefined
    const end = at + 2 + file.readUInt16BE(at + 2)
    const content = file.subarray(at + 4, end)
    if (end > file.length) return undefined
    if (marker === 0xda) return size && { ...size, orientation: orientation ?? 1 }
    if (isFrame(marker)) {
      if (size) return undefined
      size = frameSize(marker, content)
      if (!size) return undefined
    } else if (marker === 0xe1 && startsWith(content, 'Exif\0\0')) {
      if (orientation !== undefined) return undefined
      orientation = orientationOf(content.subarray(6))
      if (orientation === undefined) return undefined
    } else if (marker === 0xe2 && startsWith(content, 'ICC_PROFILE\0')) return undefined
    at = end
  }
  return undefined
}

const startsWith = (content: Buffer, text: string) => content.subarray(0, text.length).toString('latin1') === text

/** Start of frame: C0 to CF, but for the tables of Huffman (C4) and arithmetic (CC) coding, and C8. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)

/** Of a sequential or progressive frame of 8 bits, coded by Huffman, in grey or three colours. */
function frameSize(marker: number, frame: Buffer) {
  if (marker > 0xc2 || frame.length < 6 || frame[0] !== 8) return undefined
  const [height, width, components] = [frame.readUInt16BE(1), frame.readUInt16BE(3), frame[5]]
  if (width === 0 || height === 0 || (components !== 1 && components !== 3)) return undefined
  return { width, height }
}

const orientationTag = 0x0112
const shortType = 3

/** Of an EXIF block's first directory: 1 where it does not say, undefined where it is not as it should be. */
function orientationOf(exif: Buffer): number | undefined {
  if (exif.length < 8) return undefined
  const little = exif.toString('latin1', 0, 4) === 'II*\0'
  if (!little && exif.toString('latin1', 0, 4) !== 'MM\0*') return undefined
  const short = (at: number) => (little ? exif.readUInt16LE(at) : exif.readUInt16BE(at))
  const long = (at: number) => (little ? exif.readUInt32LE(at) : exif.readUInt32BE(at))
  const directory = long(4)
  if (directory < 8 || directory + 2 > exif.length) return undefined
  const entries = short(directory)
  if (directory + 2 + entries * 12 > exif.length) return undefined
  let orientation: number | undefined
  for (let at = directory + 2; at < directory + 2 + entries * 12; at += 12) {
    if (short(at) !== orientationTag) continue
    const value = short(at + 8)
    const isOne = short(at + 2) === shortType && long(at + 4) === 1 && value >= 1 && value <= 8
    if (!isOne || orientation !== undefined) return undefined
    orientation = value
  }
  return orientation ?? 1
}
