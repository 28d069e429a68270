/**
 * The pictures of a report. Each face stands in the file once, on a sheet of many: small files, few of them, and a page that
 * scrolls lightly. A face that cannot be read is a grey square that says so.
 */
import type { FivePoints } from '../images/geometry.js'
import { loadFace } from '../images/index.js'
import { sharp } from '../images/sharp.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { type Html, html } from './html.js'

/** Pixels of a face, each way. */
const side = 96
/** Faces in a row of a sheet, and rows; page_style.ts knows the row's. */
export const sheetColumns = 16
const sheetRows = 16
const readAtOnce = 4

/** RGB of side x side pixels; null where there is no picture. */
export type FaceLoader = (path: string, side: number) => Promise<Uint8Array | null>

/** An image that is read when its face is shown. */
export interface FacePicture {
  /** The bytes of the image file. */
  read(): Promise<Uint8Array>
  /** Five points of the face, in pixels of the image. */
  points?: FivePoints
}

/** How much of an image is shown where its face has no points. */
export interface FaceCrop {
  /** `none`: all of the image; `center`: its middle. */
  align: 'none' | 'center'
  /** How much of the image `center` takes, each way, above 0 and at most 1. */
  centerFraction?: number
}

/**
 * By five points the face is shown upright and with its surroundings, whatever crop the network is given.
 *
 * @param find the image of a path; undefined: there is none, and a grey square is shown.
 * @param crop what is shown of images without points.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 *
 * const images = new Map([['anna.jpg', { read: () => readFile('anna.jpg') }]])
 * const loadFace = loadFaces((path) => images.get(path), { align: 'none' })
 * ```
 */
export function loadFaces(find: (path: string) => FacePicture | undefined, crop: FaceCrop): FaceLoader {
  return async (path, side) => {
    const picture = find(path)
    if (!picture) return null
    const pixels = new Uint8Array(side * side * 3)
    const { points } = picture
    const how = points?.length ? { align: 'points' as const, template: 'dlib' as const } : crop
    try {
      await loadFace(await picture.read(), { width: side, height: side, ...how }, pixels, points, path)
      return pixels
    } catch {
      return null
    }
  }
}

export class Faces {
  private readonly cells = new Map<string, number | null>()
  private readonly pixels: Uint8Array[] = []

  constructor(
    private readonly load: FaceLoader,
    private readonly signal?: AbortSignal,
  ) {}

  /** Reads the faces that are not there yet. */
  async add(paths: Iterable<string>): Promise<void> {
    const wanted = [...new Set(paths)].filter((path) => !this.cells.has(path))
    for (let start = 0; start < wanted.length; start += readAtOnce) {
      throwIfAborted(this.signal)
      const some = wanted.slice(start, start + readAtOnce)
      const loaded = await Promise.all(some.map((path) => this.load(path, side)))
      for (const [i, pixels] of loaded.entries()) {
        this.cells.set(some[i]!, pixels ? this.pixels.push(pixels) - 1 : null)
      }
    }
  }

  /** A picture that is read out as `label`, or as nothing where what stands beside it says it already. */
  picture(path: string, label = '', mark = ''): Html {
    const { className, style } = this.place(path)
    const role = label ? html`role="img" aria-label="${label}" title="${label}"` : html`aria-hidden="true"`
    return html`<span class="${className} ${mark}" style="${style}" ${role}></span>`
  }

  /** Class and style of the element that shows a face. */
  place(path: string): { className: string; style: string } {
    const cell = this.cells.get(path) ?? null
    if (cell === null) return { className: 'face none', style: '' }
    const [sheet, at] = [Math.floor(cell / (sheetColumns * sheetRows)), cell % (sheetColumns * sheetRows)]
    return { className: `face s${sheet}`, style: `--c:${at % sheetColumns};--r:${Math.floor(at / sheetColumns)}` }
  }

  get missing(): number {
    return [...this.cells.values()].filter((cell) => cell === null).length
  }

  /** The sheets, as rules of the page's style. */
  async css(): Promise<string> {
    const rules: string[] = []
    const each = sheetColumns * sheetRows
    for (let first = 0; first < this.pixels.length; first += each) {
      const sheet = await encodeSheet(this.pixels.slice(first, first + each))
      rules.push(`.s${rules.length}{background-image:url(data:image/webp;base64,${sheet.toString('base64')})}`)
    }
    return rules.join('\n')
  }
}

async function encodeSheet(faces: readonly Uint8Array[]): Promise<Buffer> {
  const [width, height] = [sheetColumns * side, Math.ceil(faces.length / sheetColumns) * side]
  const sheet = new Uint8Array(width * height * 3)
  for (const [i, face] of faces.entries()) {
    const [left, top] = [(i % sheetColumns) * side, Math.floor(i / sheetColumns) * side]
    for (let row = 0; row < side; row++) {
      sheet.set(face.subarray(row * side * 3, (row + 1) * side * 3), ((top + row) * width + left) * 3)
    }
  }
  return sharp(sheet, { raw: { width, height, channels: 3 } })
    .webp({ quality: 74, effort: 4 })
    .toBuffer()
}
