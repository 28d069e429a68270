/**
 * Faces in databases of many machines, behind the calls of a gallery.
 *
 * @module facenet-native/stores
 */
export type { DetectedFace, FaceBox } from '../detection/types.js'
export type { EmbeddingRows, Embeddings } from '../embeddings/embeddings.js'
export type { MixedOptions, Preparation } from '../embeddings/preparation.js'
export { FaceNetError, type FaceNetErrorCode, type FaceNetErrorDetails } from '../errors.js'
export type { ThresholdFile } from '../evaluation/threshold_file.js'
export {
  type AddedImages,
  type AddImagesOptions,
  type AlbumOptions,
  type AlbumResult,
  type FaceMatch,
  type Gallery,
  type GalleryCheck,
  type GalleryCounts,
  type GalleryEdit,
  type GalleryFace,
  type GalleryFacesOptions,
  type GalleryMetadata,
  type GalleryModel,
  type GalleryPeopleOptions,
  type GalleryPerson,
  type GallerySearchOptions,
  type GallerySelection,
  type GalleryStorage,
  type Identified,
  type IdentifyOptions,
  type NamedRows,
  type NearPeople,
  type NewFace,
  type OpenGalleryOptions,
  openGallery,
} from '../gallery/index.js'
export type { FaceQuality, FivePoints } from '../images/index.js'
export type {
  GalleryStore,
  StoreCounts,
  StoreModelOptions,
  StorePerson,
  StoreSearchOptions,
} from './face_store.js'
export { openPgvector, type PgClient, type PgvectorOptions } from './pgvector.js'
export { openQdrant, type QdrantOptions } from './qdrant.js'
