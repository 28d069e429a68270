/** A gallery as callers see it: faces that are kept in a file, and found again. */
import type { EmbeddingRows, Embeddings } from '../embeddings/embeddings.js'
import type { Preparation } from '../embeddings/preparation.js'
import type { ImageInput } from '../images/index.js'
import type { StreamSource } from '../model/stream.js'
import type { AlbumOptions, AlbumResult } from './album.js'
import type { GalleryEdit } from './edits.js'
import type { GalleryFace, GalleryMetadata, NamedRows, NewFace } from './faces.js'
import type { GalleryStorage } from './facts.js'
import type { Identified, IdentifyOptions } from './identify.js'
import type { AddedImages, AddImagesOptions } from './images.js'
import type { GalleryPeopleOptions, GalleryPerson } from './people.js'
import type { GalleryCounts, GalleryFacesOptions } from './read.js'
import type { FaceMatch, GallerySearchOptions } from './search.js'
import type { GalleryCheck } from './verify.js'
import type { GallerySelection } from './write.js'

/**
 * Faces in a file, of `openGallery`: embeddings of one model, each with an id, perhaps a person, a photograph and metadata. Any
 * number of processes may read it while one writes; what others write is seen by the next call. What a call that changes
 * something has resolved for is on the disk: neither a killed process nor a power cut loses it.
 *
 * @example
 * ```ts
 * await using gallery = await openGallery('people.db', { model, detector })
 * await gallery.add({ id: 'anna-1', embedding: await model.embedRows(['anna.jpg'], { detector }), person: 'Anna' })
 * const [nearest] = await gallery.search('party.jpg', { threshold: model.threshold! })
 * console.log(nearest?.person ?? 'nobody')
 * ```
 */
export interface Gallery extends AsyncDisposable, Disposable {
  /** Of the file. */
  readonly path: string
  /** Of the model that made its embeddings. */
  readonly fingerprint: string
  /** Floats of an embedding. */
  readonly dimensions: number
  /** How the images of its embeddings were prepared; undefined where nobody said it. */
  readonly preparation: Preparation | undefined
  /** The model's own threshold, a squared distance; null where it has none. */
  readonly threshold: number | null
  /** How embeddings are kept in the file. */
  readonly storage: GalleryStorage
  /** Whether it was opened to be read only. */
  readonly readOnly: boolean

  /** Whether it was closed. */
  readonly disposed: boolean

  /**
   * Adds a face.
   *
   * @param face its embedding, and what is known of it.
   * @returns its id, once it is on the disk.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT for an id that is there, an embedding of another model or length, NaN;
   *   ERR_FACENET_IO where the disk refuses, or another process goes on writing; ERR_FACENET_DISPOSED.
   *
   * @example
   * ```ts
   * const id = await gallery.add({ embedding, person: 'Anna', metadata: { album: 'Summer' } })
   * ```
   */
  add(face: NewFace): Promise<string>

  /**
   * Adds faces, all or none of them. Many at once take far less time than each alone.
   *
   * @param faces of any number; or rows with their paths, as `readStored` gives them, whose paths become the ids.
   * @param options a signal, which is looked at before anything is written.
   * @returns their ids, once all are on the disk.
   * @throws FaceNetError as `add` does, naming the face by its place; ERR_FACENET_ABORTED.
   *
   * @example
   * ```ts
   * await gallery.addMany(await readStored('faces.npy'))
   * ```
   */
  addMany(faces: readonly NewFace[] | NamedRows, options?: { signal?: AbortSignal }): Promise<string[]>

  /**
   * Adds the faces of photographs. Those that are in the gallery are passed over, so that a run that was ended goes on where it was. A
   * face is called by its photograph and its place there, `/photos/a.jpg#xywh=120,80,64,64`, so that its id does not change when
   * another face is found.
   *
   * @param source as for `model.embedStream`. Paths are made absolute.
   * @param options as for `model.embedStream`, and whose faces they are. All faces of each photograph are taken unless `faces` says
   *   otherwise.
   * @returns how many were added, and how many photographs were passed over or had no face; once all are on the disk.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where the gallery was opened without a model, or without saying which part of
   *   photographs is used; ERR_FACENET_IO, ERR_FACENET_ABORTED, ERR_FACENET_DISPOSED. What was added before that stays.
   *
   * @example
   * ```ts
   * const { faces, images } = await gallery.addImages(['photos/', 'more.tar'])
   * ```
   */
  addImages(source: StreamSource, options?: AddImagesOptions): Promise<AddedImages>

  /**
   * Gives a face that is there another embedding; what else is given of it takes the place of what was known.
   *
   * @param face with the id of a face of the gallery.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where there is no such face, and as `add` does.
   *
   * @example
   * ```ts
   * await gallery.replace({ id: 'anna-1', embedding: await model.embedRows(['anna-again.jpg'], { detector }) })
   * ```
   */
  replace(face: NewFace & { id: string }): Promise<void>

  /**
   * Says whose face it is, or changes its metadata; what is left out stays.
   *
   * @param id of a face of the gallery.
   * @param about the person, by a name or `person-12`; null for nobody. The metadata as a whole.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where there is no such face; ERR_FACENET_IO, ERR_FACENET_DISPOSED.
   *
   * @example
   * ```ts
   * await gallery.update('anna-1', { person: 'Anna' })
   * ```
   */
  update(id: string, about: { person?: string | null; metadata?: GalleryMetadata | null }): Promise<void>

  /**
   * Removes faces, all or none of them. They are overwritten in the file.
   *
   * @param which an id or several, each of a face that is there; or all faces of a person or of a photograph.
   * @returns how many.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT that names an id that is not there; ERR_FACENET_IO, ERR_FACENET_DISPOSED.
   *
   * @example
   * ```ts
   * await gallery.remove(['anna-1', 'anna-2'])
   * await gallery.remove({ person: 'Ben' })
   * ```
   */
  remove(which: string | readonly string[] | GallerySelection): Promise<number>

  /**
   * A face by its id.
   *
   * @param id of the face.
   * @returns the face with its embedding, `dimensions` floats; undefined where there is none of this id.
   * @throws FaceNetError ERR_FACENET_IO, ERR_FACENET_DISPOSED
   */
  get(id: string): Promise<(GalleryFace & { embedding: Float32Array }) | undefined>

  /**
   * The faces that are nearest to one face, by squared L2 distance; the search is exact.
   *
   * @param who an embedding: `dimensions` floats or `Embeddings` of one row; a photograph, by its path, `file:` URL or bytes,
   *   whose largest face is looked for; or `{ id }`, a face of the gallery, which is not found itself.
   * @param options how many, and below which distance.
   * @returns nearest first; of faces at one distance the oldest comes first.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, also for rows of another model and for a photograph where the gallery was
   *   opened without a model; for a photograph as `model.embed` does; ERR_FACENET_ABORTED, ERR_FACENET_DISPOSED.
   *
   * @example
   * ```ts
   * const found = await gallery.search('door.jpg', { k: 3, threshold: 'threshold.json' })
   * for (const { id, person, distance } of found) console.log(id, person, distance)
   * ```
   */
  search(
    who: Float32Array | Embeddings | ImageInput | { readonly id: string },
    options?: GallerySearchOptions,
  ): Promise<FaceMatch[]>

  /**
   * The same for many faces in one call.
   *
   * @param rows n embeddings: `Embeddings`, or a Float32Array of n x `dimensions` floats.
   * @param options as for `search`.
   * @returns what is found for each row, in their order.
   * @throws FaceNetError as `search` does.
   *
   * @example
   * ```ts
   * const found = await gallery.searchMany(await model.embedRows(photographs, { detector }), { k: 1 })
   * ```
   */
  searchMany(rows: EmbeddingRows, options?: GallerySearchOptions): Promise<FaceMatch[][]>

  /**
   * The people of the gallery.
   *
   * @param options whether hidden people are listed too.
   * @returns those with most faces first.
   * @throws FaceNetError ERR_FACENET_IO, ERR_FACENET_DISPOSED
   */
  people(options?: GalleryPeopleOptions): Promise<GalleryPerson[]>

  /**
   * Puts the faces that are nobody's to people: to those who are there, or to new ones, by agglomerative clustering. Nobody's faces are
   * moved, two faces of one photograph are never one person, and what an edit has rejected or locked stays so. Faces that are near
   * nobody stay unassigned, and are looked at again by the next call: call it after adding photographs.
   *
   * @param options the threshold, and how many faces make a new person.
   * @returns how many faces were put where, and which people may be one. It is on the disk.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, also where no threshold is given and the model has none; ERR_FACENET_IO,
   *   ERR_FACENET_ABORTED, ERR_FACENET_DISPOSED.
   *
   * @example
   * ```ts
   * await gallery.addImages('photos/')
   * const { joined, people } = await gallery.cluster({ minFaces: 3 })
   * ```
   */
  cluster(options?: AlbumOptions): Promise<AlbumResult>

  /**
   * Edits people: names, merges, splits, locks, hides, or says that faces are not theirs. All edits or none of them.
   *
   * @param edits one after the other.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT that names the edit; ERR_FACENET_IO, ERR_FACENET_DISPOSED.
   *
   * @example
   * ```ts
   * await gallery.apply([
   *   { edit: 'name', person: 'person-3', name: 'Anna' },
   *   { edit: 'merge', people: ['person-7'], into: 'Anna' },
   *   { edit: 'reject', faces: ['/photos/a.jpg#xywh=10,20,64,64'], person: 'Anna' },
   * ])
   * ```
   */
  apply(edits: readonly GalleryEdit[]): Promise<void>

  /**
   * Who somebody is, said by several faces of each person.
   *
   * @param who an embedding or a photograph, as for `search`.
   * @param options by vote or by mean, and below which distance; the model's own threshold unless told.
   * @returns the person, or null: nobody who is known.
   * @throws FaceNetError as `search` does, and where no threshold is given and the model has none.
   *
   * @example
   * ```ts
   * const who = await gallery.identify('door.jpg', { by: 'mean' })
   * console.log(who?.person ?? 'unknown')
   * ```
   */
  identify(who: Float32Array | Embeddings | ImageInput, options?: IdentifyOptions): Promise<Identified | null>

  /**
   * How much there is.
   *
   * @returns numbers of faces, people and photographs.
   * @throws FaceNetError ERR_FACENET_IO, ERR_FACENET_DISPOSED
   */
  counts(): Promise<GalleryCounts>

  /**
   * Every face, oldest first, in little memory. Faces that are added meanwhile come too.
   *
   * @param options of whom, and whether with embeddings.
   * @returns faces one by one.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT for a person who is not there; ERR_FACENET_IO, ERR_FACENET_DISPOSED.
   *
   * @example
   * ```ts
   * for await (const { id, image } of gallery.faces({ person: 'Anna' })) console.log(id, image)
   * ```
   */
  faces(options?: GalleryFacesOptions): AsyncGenerator<GalleryFace & { embedding?: Float32Array }, void, undefined>

  /**
   * Writes all embeddings to a file that `readStored`, NumPy or a data frame reads. Ids stand for paths.
   *
   * @param path ending in .npy, .parquet or .jsonl.
   * @param options a signal.
   * @returns how many rows were written.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, ERR_FACENET_IO, ERR_FACENET_ABORTED, ERR_FACENET_DISPOSED
   *
   * @example
   * ```ts
   * await gallery.export('faces.parquet')
   * ```
   */
  export(path: string, options?: { signal?: AbortSignal }): Promise<number>

  /**
   * Reads the whole file, and says what is wrong with it.
   *
   * @returns how many faces it has, and the problems that were found: none where all is well.
   * @throws FaceNetError ERR_FACENET_DISPOSED
   */
  verify(): Promise<GalleryCheck>

  /**
   * Closes the file, once calls that are under way have ended. May be called more than once.
   * @returns when it is closed.
   */
  close(): Promise<void>

  /** The same, without waiting. */
  dispose(): void
}
