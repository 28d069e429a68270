/**
 * What a file is, by its first bytes and never by its name. Only what is on the list here reaches the decoder: libvips by
 * itself would also take SVG, of which 200 bytes can keep it busy for minutes.
 */

export interface FileKind {
  /** As people call it. */
  name: string
  /** Whether `decodeImage` reads it. */
  decodes: boolean
  /** What to do with one that it does not read. */
  advice?: string
}

/** So many bytes tell every kind apart. */
export const headBytes = 64

const jpegs = 'convert it to JPEG first'
const decoded = (name: string): FileKind => ({ name, decodes: true })
const other = (name: string, advice?: string): FileKind => ({ name, decodes: false, advice })

const heic = other(
  'HEIC',
  `${jpegs} (heif-convert of libheif, or ImageMagick: magick photo.heic photo.jpg); iPhones make JPEG with Settings > Camera > Formats > Most Compatible`,
)
const video = other('video', 'take images out of it first (ffmpeg -i film.mp4 -vf fps=1 frame-%04d.jpg)')
const jpegXl = other('JPEG XL', jpegs)
const jpeg2000 = other('JPEG 2000', jpegs)

/** Kinds that start with fixed bytes, as latin1. A longer start stands before one that it begins with. */
const starts: readonly (readonly [string, FileKind])[] = [
  ['\xff\xd8\xff', decoded('JPEG')],
  ['\x89PNG\r\n\x1a\n', decoded('PNG')],
  ['GIF87a', decoded('GIF')],
  ['GIF89a', decoded('GIF')],
  ['II*\0\x10\0\0\0CR', other('Canon raw', jpegs)],
  ['II*\0', decoded('TIFF')],
  ['MM\0*', decoded('TIFF')],
  ['II+\0', decoded('TIFF')],
  ['MM\0+', decoded('TIFF')],
  ['BM', other('BMP', `${jpegs}, or to PNG`)],
  ['\xff\x0a', jpegXl],
  ['\0\0\0\x0cJXL ', jpegXl],
  ['\0\0\0\x0cjP  ', jpeg2000],
  ['\xff\x4f\xff\x51', jpeg2000],
  ['8BPS', other('Photoshop file', jpegs)],
  ['%PDF-', other('PDF', 'take the images out of it first (pdfimages)')],
  ['\x1aE\xdf\xa3', video],
  ['PK\x03\x04', other('zip archive', 'name it as a source of its own')],
  ['\x1f\x8b', other('gzip file', 'name a .tgz or .tar.gz as a source of its own; unpack others')],
]

/** Undefined where the first bytes say nothing. */
export function kindOf(head: Uint8Array): FileKind | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, headBytes)).toString('latin1')
  const start = starts.find(([bytes]) => text.startsWith(bytes))
  if (start) return start[1]
  if (text.startsWith('RIFF')) return text.slice(8, 12) === 'WEBP' ? decoded('WebP') : video
  if (text.slice(4, 8) === 'ftyp') return kindOfBrands(text)
  if (/^(\xef\xbb\xbf)?\s*<(\?xml|svg|!--|!DOCTYPE svg)/i.test(text)) return other('SVG or XML', `${jpegs}, or to PNG`)
  return undefined
}

/** ISO media files: AVIF, HEIC and videos say which they are by four letters each, the main one first. */
function kindOfBrands(text: string): FileKind {
  const length = Buffer.from(text.slice(0, 4), 'latin1').readUInt32BE(0)
  const brands = [text.slice(8, 12)]
  for (let at = 16; at + 4 <= Math.min(length, text.length); at += 4) brands.push(text.slice(at, at + 4))
  if (brands.some((brand) => brand === 'avif' || brand === 'avis')) return decoded('AVIF')
  if (brands.some((brand) => /^(hei[cxms]|hev[cxms]|mif1|msf1)$/.test(brand))) return heic
  return brands[0] === 'crx ' ? other('Canon raw', jpegs) : video
}
