/** Photographs into a gallery: each a whole, so that a run that was ended goes on with the next one. */
import { resolve } from 'node:path'
import type { Embeddings } from '../embeddings/embeddings.js'
import { invalidArgument } from '../errors.js'
import type { ImageInput } from '../images/index.js'
import {
  type EmbedArrayOptions,
  embeddingOptionNames,
  type StreamOptions,
  streamOptionNames,
} from '../model/options.js'
import type { EmbeddedImage, StreamSource } from '../model/stream.js'
import { checkFlag, checkFunction, checkOptions } from '../native/check_arguments.js'
import {
  type FailedImage,
  type ImageMetadata,
  openSource,
  pathIfAny,
  type SourceImage,
  type SourceOptions,
  sourceOptionsOf,
} from '../sources/index.js'
import { faceKey } from './face_key.js'
import { type CheckedFace, checkFace, checkJson, type GalleryMetadata } from './faces.js'
import type { Facts } from './facts.js'
import type { Connection } from './sqlite.js'
import type { Store } from './store.js'
import { addPhotographs, type Photograph } from './write_photographs.js'

/** What embeds photographs for a gallery: a `Model`. */
export interface GalleryEmbedder {
  embedRows(images: readonly ImageInput[], options: EmbedArrayOptions): Promise<Embeddings>
  embedStream(source: StreamSource, options: StreamOptions): AsyncIterable<EmbeddedImage>
}

/** How photographs are added: as `model.embedStream` takes them, and what is said of their faces. */
export interface AddImagesOptions extends Omit<StreamOptions, 'detector' | 'align' | 'template' | 'centerFraction'> {
  /** Whose faces they are: a name, or what says it of a photograph's path. */
  person?: string | ((image: string) => string | undefined)
  /** What is kept with each of the faces. Left out, what the list that names its photograph says of it. */
  metadata?: GalleryMetadata
  /**
   * Embeds photographs that are in the gallery too. A face that is found where one is known keeps its id and its person, and gets the
   * new embedding.
   * @default false
   */
  again?: boolean
}

/** What came of photographs. */
export interface AddedImages {
  /** Faces that were added or, with `again`, replaced. */
  faces: number
  /** Photographs in which they are. */
  images: number
  /** Photographs that were in the gallery already. */
  skipped: number
  /** Photographs without a face, or that could not be used. */
  missing: number
}

const own = ['person', 'metadata', 'again'] as const
/** Faces, and milliseconds, until what was embedded is written. */
const [facesTogether, writtenEvery] = [64, 1000]

export async function addImages(
  store: Store,
  facts: Facts,
  { model, how }: { model: GalleryEmbedder; how: StreamOptions },
  source: StreamSource,
  options: AddImagesOptions,
): Promise<AddedImages> {
  const { person, metadata, again = false, ...stream } = options
  checkOwn(options)
  const personOf = typeof person === 'function' ? person : () => person
  const about = metadata === undefined ? undefined : checkJson(metadata, 'options.metadata')
  const added: AddedImages = { faces: 0, images: 0, skipped: 0, missing: 0 }
  let [waiting, faces, written] = [[] as Photograph[], 0, performance.now()]
  let open: { image: string; found: EmbeddedImage[] } | undefined

  const finish = () => {
    if (!open) return
    const { image, found } = open
    const whose = personOf(image)
    const kept = about ?? listedMetadata(found[0]!.metadata, image)
    waiting.push({ image, faces: found.map((each) => faceOf(each, whose, kept, store.path, facts)) })
    faces += found.length
    open = undefined
  }
  const flush = async () => {
    const given = waiting
    waiting = []
    faces = 0
    const result = await addPhotographs(store, given, facts.dimensions, again)
    added.faces += result.faces
    added.images += result.images
    added.skipped += result.skipped
    added.missing += given.filter(({ missing }) => missing).length
    written = performance.now()
  }
  const onError = (failure: FailedImage) => {
    const { path: image, error } = failure
    waiting.push({ image, faces: [], missing: { code: error.code, error: error.message } })
    options.onError?.(failure)
  }
  const images = newImages(store, source, stream, again, () => added.skipped++)
  for await (const found of model.embedStream(images, { faces: 'all', ...how, ...withoutReading(stream), onError })) {
    if (open?.image !== found.image) {
      finish()
      if (faces >= facesTogether || performance.now() - written > writtenEvery) await flush()
      open = { image: found.image, found: [] }
    }
    open.found.push(found)
  }
  finish()
  await flush()
  return added
}

const listedMetadata = (listed: ImageMetadata | undefined, image: string) =>
  listed && checkJson(listed, `${image}: metadata`)

/** Said of the source, which is opened here. */
function withoutReading({ exclude, onPassedOver, pathColumn, ...rest }: StreamOptions): StreamOptions {
  return rest
}

/** Each once, under a path that is the same from every folder, and without those that need not be looked at. */
async function* newImages(
  store: Store,
  source: StreamSource,
  reading: SourceOptions,
  again: boolean,
  onSkipped: () => void,
): AsyncGenerator<SourceImage> {
  const seen = new Set<string>()
  for await (const image of allImages(source, sourceOptionsOf(reading))) {
    if (seen.size === seen.add(image.path).size) continue
    if (!again && store.read((db) => isDone(db, image.path))) onSkipped()
    else yield image
  }
}

async function* allImages(source: StreamSource, reading: SourceOptions): AsyncGenerator<SourceImage> {
  const opened = async function* (paths: string) {
    for await (const image of openSource(paths, reading)) yield { ...image, path: resolve(image.path) }
  }
  const one = pathIfAny(source, 'source')
  if (one !== undefined) return yield* opened(one)
  for await (const item of source as AsyncIterable<string | URL | SourceImage>) {
    const path = pathIfAny(item, 'source')
    if (path !== undefined) yield* opened(path)
    else yield item as SourceImage
  }
}

/** A photograph with faces, or one in which there are none; one that could not be read is tried again. */
function isDone(db: Connection, image: string): boolean {
  const faces = db.sql('SELECT 1 FROM faces WHERE image = ? LIMIT 1').get(image)
  return Boolean(
    faces ?? db.sql("SELECT 1 FROM missing WHERE image = ? AND code = 'ERR_FACENET_FACE_COUNT'").get(image),
  )
}

function faceOf(
  { image, embedding, face, quality }: EmbeddedImage,
  person: string | undefined,
  metadata: string | undefined,
  path: string,
  facts: Facts,
): CheckedFace {
  const { index: _, ...found } = face ?? { index: 0 }
  const place = face && (found as Omit<typeof face, 'index'>)
  const id = faceKey(image, place)
  return { ...checkFace({ id, embedding, person, image, face: place, quality }, id, path, facts), metadata }
}

function checkOwn(options: AddImagesOptions): void {
  checkOptions(options, 'options', [...own, ...embeddingOptionNames, ...streamOptionNames])
  const { person, again } = options
  checkFlag(again, 'options.again')
  if (typeof person !== 'string') checkFunction(person, 'options.person')
  if (person === '') throw invalidArgument('options.person', 'a name', person)
}
