/** What a server does with photographs, whatever they came by. */
import { admittedBy, detectInPlace, facesOfAll } from '../detection/own_pixels.js'
import type { DetectedFace, FaceFinder, RgbImage } from '../detection/types.js'
import { FaceNetError } from '../errors.js'
import { readImageSize } from '../images/decode.js'
import { type FaceChoice, findFaces } from '../images/index.js'
import { type EmbedOptions, type Model, pairwiseDistances } from '../index.js'
import { probabilitySame } from '../models/calibration.js'
import type { KnownFaces, Neighbor } from './gallery.js'
import { PixelBudget } from './pixel_budget.js'
import type { ServerSettings } from './settings.js'

/** A face of a photograph and its embedding. Where whole images are embedded there is no box. */
export interface FaceRow {
  face?: DetectedFace
  embedding: Float32Array
}

/** What is done, as `Faces` does it. */
export interface FaceService {
  detect(image: Uint8Array, signal: AbortSignal): Promise<DetectedFace[]>
  embed(image: Uint8Array, faces: FaceChoice, signal: AbortSignal): Promise<FaceRow[]>
  verify(a: FaceRow, b: FaceRow): Promise<Verdict>
  search(rows: readonly FaceRow[], k: number, signal: AbortSignal): Promise<Neighbor[][]>
}

export interface Verdict {
  /** Squared L2. */
  distance: number
  threshold: number | null
  /** Null where no threshold is known. */
  same: boolean | null
  probability: { same: number; protocol: string } | null
}

export interface FacesOptions {
  model: Model
  /** What finds faces; undefined: whole images are embedded. */
  detector?: FaceFinder
  /** How faces are found and cut out, apart from the detector. */
  how: Pick<EmbedOptions, 'align' | 'minSize' | 'scoreThreshold' | 'tryRotated'>
  /** Squared L2 below which two faces are one person. */
  threshold: number | null
  gallery?: KnownFaces
  settings: Pick<ServerSettings, 'maxPixels' | 'maxPixelsTogether' | 'maxFaces'>
}

/** In errors, images of clients have this name: what they call them is not told on. */
const name = 'image'

export class Faces implements FaceService {
  readonly #options: FacesOptions
  readonly #finder: FaceFinder | undefined
  readonly #budget: PixelBudget

  constructor(options: FacesOptions) {
    const { detector, settings } = options
    this.#options = options
    this.#finder = detector && limited(detector, settings.maxFaces)
    this.#budget = new PixelBudget(settings.maxPixelsTogether)
  }

  /** The best first; none is no error. */
  async detect(image: Uint8Array, signal: AbortSignal): Promise<DetectedFace[]> {
    const { how, settings } = this.#options
    const detector = this.#finder
    if (!detector) throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'This server embeds whole images')
    const { minSize, scoreThreshold, tryRotated } = how
    const detection = { detector, minSize, scoreThreshold, tryRotated }
    const limits = { limitInputPixels: settings.maxPixels }
    const found = await this.#within(image, signal, () => findFaces(image, detection, limits, signal))
    return found.toSorted((a, b) => b.score - a.score)
  }

  /** The largest first. Throws ERR_FACENET_FACE_COUNT where there is none. */
  async embed(image: Uint8Array, faces: FaceChoice, signal: AbortSignal): Promise<FaceRow[]> {
    const { model, how, settings } = this.#options
    const detecting = this.#finder ? { detector: this.#finder, faces } : {}
    const rows: FaceRow[] = []
    const options: Parameters<Model['embedStream']>[1] = {
      ...how,
      ...detecting,
      limitInputPixels: settings.maxPixels,
      signal,
      onError({ error }) {
        throw error
      },
    }
    await this.#within(image, signal, async () => {
      const source = [{ path: name, read: async () => image }]
      for await (const { face, embedding } of model.embedStream(source, options)) {
        if (!embedding.every(Number.isFinite) || embedding.every((value) => value === 0)) throw notFinite()
        rows.push({ face, embedding })
      }
    })
    return rows
  }

  async verify(a: FaceRow, b: FaceRow): Promise<Verdict> {
    const { model, threshold, how } = this.#options
    const [first, second] = [a, b].map(({ embedding }) => model.embeddings(embedding))
    const [distance] = await pairwiseDistances(first!, second!, { device: 'cpu' })
    const preparation = model.preparationOf({ ...how, ...(this.#finder && { detector: this.#finder }) })
    const probability = probabilitySame(distance!, { fingerprint: model.fingerprint, preparation }) ?? null
    return { distance: distance!, threshold, same: threshold === null ? null : distance! < threshold, probability }
  }

  async search(rows: readonly FaceRow[], k: number, signal: AbortSignal): Promise<Neighbor[][]> {
    const { model, gallery, how } = this.#options
    if (!gallery) throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'This server has no gallery')
    const preparation = model.preparationOf({ ...how, ...(this.#finder && { detector: this.#finder }) })
    const embeddings = rows.map(({ embedding }) => embedding)
    return gallery.search(model.embeddings(embeddings, preparation), k, signal)
  }

  /** Once there is room for the image, whose header is read first: one that is too large is refused there. */
  async #within<T>(image: Uint8Array, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const limits = { limitInputPixels: this.#options.settings.maxPixels }
    const { width, height } = await readImageSize({ bytes: image, name }, limits, signal)
    return this.#budget.run(width * height, signal, work)
  }
}

/** A detector that refuses images with more faces. */
function limited(detector: FaceFinder, most: number): FaceFinder {
  const check = (found: DetectedFace[][]) => {
    const more = found.find((faces) => faces.length > most)
    if (!more) return found
    const expected = `at most ${most} faces`
    const message = `Expected ${expected} in ${name} but found ${more.length}`
    throw new FaceNetError('ERR_FACENET_FACE_COUNT', message, { argument: name, expected, received: `${more.length}` })
  }
  return {
    name: detector.name,
    fingerprint: detector.fingerprint,
    detect: async (images: readonly RgbImage[], options = {}) => check(await detector.detect(images, options)),
    [detectInPlace]: async (images: readonly RgbImage[], options = {}) =>
      check(await admittedBy(detector, () => facesOfAll(detector, images, options))),
  } as FaceFinder
}

function notFinite(): FaceNetError {
  const details = {
    argument: name,
    expected: 'an embedding of finite numbers that are not all zero',
    received: 'another',
  }
  return new FaceNetError('ERR_FACENET_NOT_FINITE', `Expected ${details.expected} for ${name}`, details)
}
