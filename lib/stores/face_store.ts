/** What a gallery and the stores of many machines have in common. */
import type { EmbeddingRows, Embeddings } from '../embeddings/embeddings.js'
import type { MixedOptions, Preparation } from '../embeddings/preparation.js'
import type { GalleryFace, GalleryMetadata, NewFace } from '../gallery/faces.js'
import type { GalleryModel } from '../gallery/facts.js'
import type { FaceMatch, GallerySearchOptions } from '../gallery/search.js'
import type { GallerySelection } from '../gallery/write.js'

/** How a store is searched. */
export interface StoreSearchOptions extends Pick<GallerySearchOptions, 'k' | 'threshold' | 'signal'>, MixedOptions {
  /**
   * Compares with every face, instead of asking an index, which may miss some. A gallery is always exact.
   * @default false
   */
  exact?: boolean
}

/** A person of a store. */
export interface StorePerson {
  /** The name. */
  person: string
  /** How many faces there are. */
  faces: number
}

/** How much there is. */
export interface StoreCounts {
  /** Rows. */
  faces: number
  /** Faces of which it is said whose they are. */
  assigned: number
  /** People who have a face. */
  people: number
}

/** What a gallery and the stores of many machines have in common: faces that are kept, and found again. */
export interface GalleryStore extends AsyncDisposable {
  /** Of the model that made its embeddings. */
  readonly fingerprint: string
  /** Floats of an embedding. */
  readonly dimensions: number
  /** How the images of its embeddings were prepared; undefined where nobody said it. */
  readonly preparation: Preparation | undefined
  /** The model's own threshold, a squared distance; null where it has none. */
  readonly threshold: number | null
  /**
   * Adds a face.
   *
   * @param face its embedding, and what is known of it.
   * @returns its id.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT for an id that is there, an embedding of another model or length, NaN;
   *   ERR_FACENET_IO where the store does not answer; ERR_FACENET_DISPOSED.
   */
  add(face: NewFace): Promise<string>
  /**
   * Adds faces.
   *
   * @param faces of any number.
   * @param options a signal.
   * @returns their ids.
   * @throws FaceNetError as `add` does; ERR_FACENET_ABORTED.
   */
  addMany(faces: readonly NewFace[], options?: { signal?: AbortSignal }): Promise<string[]>
  /**
   * Gives a face that is there another embedding; what else is given of it takes the place of what was known.
   *
   * @param face with the id of a face of the store.
   */
  replace(face: NewFace & { id: string }): Promise<void>
  /**
   * Says whose face it is, or changes its metadata; what is left out stays.
   *
   * @param id of a face of the store.
   * @param about the person, null for nobody; the metadata as a whole.
   */
  update(id: string, about: { person?: string | null; metadata?: GalleryMetadata | null }): Promise<void>
  /**
   * Removes faces, all or none of them.
   *
   * @param which an id or several, each of a face that is there; or all faces of a person or of a photograph.
   * @returns how many.
   */
  remove(which: string | readonly string[] | GallerySelection): Promise<number>
  /**
   * A face by its id.
   *
   * @param id of the face.
   * @returns the face with its embedding; undefined where there is none.
   */
  get(id: string): Promise<(GalleryFace & { embedding: Float32Array }) | undefined>
  /**
   * The faces that are nearest, by squared L2 distance.
   *
   * @param who an embedding, or a face of the store, which is not found itself.
   * @param options how many, and below which distance.
   * @returns nearest first.
   */
  search(who: Float32Array | Embeddings | { readonly id: string }, options?: StoreSearchOptions): Promise<FaceMatch[]>
  /**
   * The same for many embeddings in one call.
   *
   * @param rows n embeddings.
   * @param options as for `search`.
   * @returns what is found for each row, in their order.
   */
  searchMany(rows: EmbeddingRows, options?: StoreSearchOptions): Promise<FaceMatch[][]>
  /**
   * Every face, in little memory.
   *
   * @param options of whom.
   * @returns faces one by one.
   */
  faces(options?: { person?: string; image?: string }): AsyncGenerator<GalleryFace, void, undefined>
  /** The people of the store, those with most faces first. */
  people(): Promise<StorePerson[]>
  /** How much there is. */
  counts(): Promise<StoreCounts>
  /** Ends the use of it. What was given, as a client of a database, is not closed. */
  close(): Promise<void>
}

/** Which model a store is of: where it is made, and checked where it is there. */
export interface StoreModelOptions extends MixedOptions {
  /** A model, or its fingerprint and dimensions. A store that is made needs it; one that is there is only opened for its own. */
  model?: GalleryModel
}
