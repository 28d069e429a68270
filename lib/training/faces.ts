/**
 * The faces a network is trained on: found and labelled at once, decoded when they are first asked for, and kept as bytes
 * as long as there is room.
 */
import { createHash } from 'node:crypto'
import { basename, dirname, join, relative } from 'node:path'
import { FaceNetError, invalidArgument } from '../errors.js'
import { readText, readTextIfAny } from '../files/read.js'
import { decode, readImage } from '../images/decode.js'
import { type Affine, aligned, centred, type Size } from '../images/geometry.js'
import { type DecodeLimits, type TemplateName, templatePoints } from '../images/index.js'
import { warp } from '../images/warp.js'
import { checkNamed, throwIfAborted } from '../native/check_arguments.js'
import {
  type FailedImage,
  isArchive,
  openSource,
  type PassedOver,
  pathsOf,
  type SourceImage,
  type SourceOptions,
  type SourcePaths,
  sourceName,
  sourceOptionsOf,
  withoutArchiveEnding,
} from '../sources/index.js'

/** How faces to train on are found, cut out and kept. */
export interface FaceOptions extends DecodeLimits, SourceOptions {
  /** Size of the network's input, in pixels. */
  input: Size
  /** Around the input, as a share of its height and width on each side: room for random crops. */
  border: number
  /**
   * Left out: whole images cover input and border. Else faces lie on the template inside the input: by their five points, and
   * images without points are taken to be aligned to the template already, with `templateBorder` pixels around it.
   */
  template?: TemplateName
  /** Pixels around the template in images that are aligned already. */
  templateBorder?: number
  /**
   * Names of the only people to take: `name`, or `source/name` with the archive's or folder's own name. Everybody where there is
   * no such option; `undefined` is an error.
   */
  identities?: ReadonlySet<string>
  /** Takes an image by `person/image` without its ending. Default: all. */
  wanted?: (key: string) => boolean
  /** For decoded images. Beyond it they are decoded each time. */
  memoryBytes: number
}

/** A face that was found and has not been read. */
export interface ListedFace {
  /** Where it is read from. */
  image: SourceImage
  /** `person/image.jpg` */
  key: string
  /** Who it is, as an index of `FaceStore.names`. */
  label: number
}

/**
 * Finds the faces of folders and archives that have a folder per person. People of one name are one person. An image
 * beside the folders of people shows nobody that is known, and is passed over.
 *
 * @param sources paths of folders and archives.
 * @param options how faces are cut out, whose faces are taken, and how much memory they may use.
 * @throws FaceNetError ERR_FACENET_IO where a source cannot be read, ERR_FACENET_INVALID_ARGUMENT where it has no
 *   images.
 *
 * @example
 * ```ts
 * const faces = await openFaces(['people/'], { input: { width: 116, height: 140 }, border: 0.1, memoryBytes: 2 ** 30 })
 * console.log(`${faces.labels.length} faces of ${faces.names.length} people`)
 * ```
 */
export async function openFaces(sources: SourcePaths, options: FaceOptions): Promise<FaceStore> {
  return storeFaces(await listFaces(sources, options), options)
}

/** Which faces are taken of the sources, before it is known how they are cut out. */
export type ListingOptions = Omit<FaceOptions, 'input' | 'border' | 'template' | 'templateBorder' | 'memoryBytes'>

/** Faces that were found, before it is known how they are cut out. */
export interface FaceListing {
  listed: ListedFace[]
  /** Of the people, by label. */
  names: string[]
  digest: string
  failures: FailedImage[]
}

/** The first half of `openFaces`. */
export async function listFaces(sources: SourcePaths, options: ListingOptions): Promise<FaceListing> {
  checkNamed(options, 'identities', 'a set of names')
  checkNamed(options, 'wanted', 'a function')
  const { onPassedOver, signal } = options
  const names = new Map<string, number>()
  const listed: ListedFace[] = []
  const failures: FailedImage[] = []
  const digest = createHash('sha256')
  for (const source of pathsOf(sources, 'sources')) {
    const left = await leftOut(source)
    const own = sourceName(source)
    const images = openSource(source, sourceOptionsOf(options))
    for await (const image of ofPeople(source, images, onPassedOver)) {
      throwIfAborted(signal)
      if (image.error) {
        failures.push({ path: image.path, error: image.error })
        continue
      }
      const key = image.path.split(/[/\\]/).slice(-2).join('/')
      const name = basename(dirname(image.path))
      const { identities } = options
      if (left.has(key) || (identities && !identities.has(name) && !identities.has(`${own}/${name}`))) continue
      if (options.wanted && !options.wanted(withoutEnding(key))) continue
      if (!names.has(name)) names.set(name, names.size)
      digest.update(`${own}/${key}\n`)
      listed.push({ image, key, label: names.get(name)! })
    }
  }
  if (listed.length === 0) throw invalidArgument('sources', 'images in a folder for each person', 'none that are used')
  return { listed, names: [...names.keys()], digest: digest.digest('hex'), failures }
}

/** The second half of `openFaces`. */
export function storeFaces({ listed, names, digest, failures }: FaceListing, options: FaceOptions): FaceStore {
  const store = new FaceStore(listed, names, digest, options)
  store.failures.push(...failures)
  return store
}

/**
 * The images that lie in a folder within the source, where there are any: those beside these folders are passed over. A source
 * whose images all lie in it directly is one person's folder.
 */
async function* ofPeople(
  source: string,
  images: AsyncIterable<SourceImage>,
  onPassedOver: ((entry: PassedOver) => void) | undefined,
): AsyncGenerator<SourceImage> {
  const beside: SourceImage[] = []
  let people = false
  for await (const image of images) {
    const inner = relative(source, image.path)
    if (image.error || image.path === source || /[/\\]/.test(inner)) {
      people ||= !image.error && image.path !== source
      yield image
    } else beside.push(image)
  }
  if (!people) yield* beside
  else for (const { path } of beside) onPassedOver?.({ path, kind: 'in no folder of a person', reason: besidePeople })
}

const besidePeople = 'the folder that an image lies in names its person, and this one lies beside such folders'

const withoutEnding = (key: string) => key.replace(/\.[^.]+$/, '')

/**
 * Reads a list of people, one name per line. Empty lines, and what follows a `#`, are ignored.
 *
 * @param path of the list.
 * @throws FaceNetError ERR_FACENET_IO; ERR_FACENET_INVALID_ARGUMENT where the list is empty.
 *
 * @example
 * ```ts
 * const identities = await readIdentities('train.txt')
 * ```
 */
export async function readIdentities(path: string): Promise<Set<string>> {
  const names = (await readText(path)).split(/\r?\n/).map((line) =>
    line
      .replace(/(^|\s)#.*/, '')
      .split('\t')[0]!
      .trim(),
  )
  const found = new Set(names.filter((name) => name !== ''))
  if (found.size === 0) throw invalidArgument(path, 'names of people, one a line', 'none')
  return found
}

/** Images whose row in the table beside the source says `use_for_training` 0, as `person/image.jpg`. */
async function leftOut(source: string): Promise<Set<string>> {
  const plain = withoutArchiveEnding(source)
  const text =
    (await readTextIfAny(`${plain}.tsv`)) ??
    (isArchive(source) ? null : await readTextIfAny(join(source, 'points.tsv')))
  const [header, ...rows] = (text ?? '').split(/\r?\n/).map((line) => line.split('\t'))
  const [name, use] = [header!.indexOf('name'), header!.indexOf('use_for_training')]
  if (name < 0 || use < 0) return new Set()
  return new Set(rows.filter((row) => row[use]?.trim() === '0').map((row) => row[name]!))
}

/**
 * The faces of `openFaces`: decoded when they are first read, and kept in memory as long as there is room.
 *
 * @example
 * ```ts
 * const faces = await openFaces(['people/'], { input: { width: 116, height: 140 }, border: 0, memoryBytes: 2 ** 30 })
 * const pixels = await faces.read(0)
 * ```
 */
export class FaceStore {
  /** Of the stored faces, border included. */
  readonly size: Size
  /** Pixels of the border on each side. */
  readonly border: Size
  /** Who is on each face, as a place in `names`. */
  readonly labels: Int32Array
  /** Images that could not be read, and why. */
  readonly failures: { path: string; error: FaceNetError }[] = []
  readonly #faces: ListedFace[]
  readonly #options: FaceOptions
  readonly #kept = new Map<number, Uint8Array>()
  readonly #failed = new Set<number>()
  #room: number

  /**
   * What `openFaces` calls with what it found.
   *
   * @param faces in the order in which they were found.
   * @param names of the people, by label.
   * @param digest of the images' names; training goes on as before where it is the same.
   * @param options as for `openFaces`.
   */
  constructor(
    faces: ListedFace[],
    readonly names: readonly string[],
    readonly digest: string,
    options: FaceOptions,
  ) {
    const { input, border } = options
    if (!(border >= 0 && border <= 1)) throw invalidArgument('border', 'a number in 0..1', border)
    this.border = { width: Math.round(input.width * border), height: Math.round(input.height * border) }
    this.size = { width: input.width + 2 * this.border.width, height: input.height + 2 * this.border.height }
    this.labels = Int32Array.from(faces, ({ label }) => label)
    this.#faces = faces
    this.#options = options
    this.#room = options.memoryBytes
  }

  /** Of each face: `person/image` without its ending. */
  get keys(): string[] {
    return this.#faces.map(({ key }) => withoutEnding(key))
  }
  /** Bytes that decoded images hold. */
  get memoryBytes(): number {
    return this.#options.memoryBytes - this.#room
  }

  /**
   * One face as RGB bytes of `size`, not to be changed. Undefined where the image has vanished or is damaged: it is not
   * tried again.
   *
   * @param face its index, 0 for the first.
   */
  async read(face: number): Promise<Uint8Array | undefined> {
    const kept = this.#kept.get(face)
    if (kept || this.#failed.has(face)) return kept
    const { image } = this.#faces[face]!
    try {
      const pixels = await this.#load(image)
      if (pixels.length <= this.#room && !this.#kept.has(face)) {
        this.#kept.set(face, pixels)
        this.#room -= pixels.length
      }
      return pixels
    } catch (error) {
      if (!(error instanceof FaceNetError)) throw error
      if (!this.#failed.has(face)) this.failures.push({ path: image.path, error })
      this.#failed.add(face)
      return undefined
    }
  }

  async #load({ path, read, points }: SourceImage): Promise<Uint8Array> {
    const image = await decode(await readImage(await read(), path), this.#options)
    const out = new Uint8Array(this.size.width * this.size.height * 3)
    await warp([{ image, map: this.#placement(image, points) }], this.size, out)
    return out
  }

  /** From pixels of the stored face to those of the image. */
  #placement(image: Size, points: readonly number[] | undefined): Affine {
    const { template, templateBorder = 0, input } = this.#options
    if (!template) return centred(image, this.size, 1)
    const onInput = templatePoints(template, input).map((v, i) => v + (i % 2 ? this.border.height : this.border.width))
    const inside = { width: image.width - 2 * templateBorder, height: image.height - 2 * templateBorder }
    const onImage = points ?? templatePoints(template, inside).map((v) => v + templateBorder)
    return aligned(onImage, onInput)
  }
}
