/**
 * Why an image does not decode, by its bytes alone. What libvips says cannot be used: it keeps one text for the whole process,
 * in which lines of images that are decoded at the same time are mixed, doubled or lost.
 */
import type { FileKind } from './format.js'

/** For a file that starts as `kind` and does not decode. */
export function whyDamaged(bytes: Uint8Array, kind: FileKind): string {
  return endsEarly(bytes, kind)
    ? `the ${kind.name} ends too early${kind.name === 'JPEG' ? '; allowTruncated (--allow-truncated) decodes it as far as it goes' : ''}`
    : `the ${kind.name} is damaged, or of a variant that is not decoded`
}

/** Whether a file lacks its last bytes: its format says where it ends, and it does not get there. */
function endsEarly(bytes: Uint8Array, kind: FileKind): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (kind.name) {
    case 'JPEG':
      return !hasEnd(file)
    case 'PNG':
      return file.lastIndexOf('IEND', undefined, 'latin1') < 0
    case 'GIF':
      return file.at(-1) !== 0x3b
    case 'WebP':
      return file.length < 12 || file.readUInt32LE(4) + 8 > file.length
    case 'AVIF':
      return !boxesFit(file)
    case 'TIFF':
      return !directoryFits(file)
    default:
      return false
  }
}

/** An end marker behind the start of the picture: the marker of an embedded thumbnail stands before it. */
function hasEnd(file: Buffer): boolean {
  let at = 2
  // Segments up to the start of the scan (DA), each with its length.
  while (at + 4 <= file.length && file[at] === 0xff && file[at + 1] !== 0xda) at += 2 + file.readUInt16BE(at + 2)
  return at < file.length && file.indexOf('\xff\xd9', at, 'latin1') >= 0
}

/** The boxes at the top of an ISO media file fill it. */
function boxesFit(file: Buffer): boolean {
  let at = 0
  while (at + 8 <= file.length) {
    const length = file.readUInt32BE(at)
    if (length === 0) return true
    // 1 stands for a length of 64 bits, which photographs do not need; less than 8 is damage rather than a cut.
    if (length < 8) return true
    at += length
  }
  return at === file.length
}

/** A TIFF's first directory, of 12 bytes an entry, stands where its header says; most writers put it last. */
function directoryFits(file: Buffer): boolean {
  // BigTIFF has other offsets, and is seldom cut.
  if (file.length < 8) return false
  const little = file[0] === 0x49
  if ((little ? file[2] : file[3]) !== 42) return true
  const at = little ? file.readUInt32LE(4) : file.readUInt32BE(4)
  if (at + 2 > file.length) return false
  const entries = little ? file.readUInt16LE(at) : file.readUInt16BE(at)
  return at + 2 + entries * 12 <= file.length
}
