export {
  type Batch,
  type BatchOptions,
  batches,
  type EmbeddedFace,
  type FaceLeftOut,
  type FailedImage,
} from './batches.js'
export type { ImageMetadata } from './list_row.js'
export {
  isArchive,
  openSource,
  pathIfAny,
  pathsOf,
  type SourcePaths,
  sourceName,
  withoutArchiveEnding,
} from './open.js'
export { type PassedOver, PassedOverCounts } from './passed_over.js'
export { keyOfName } from './points.js'
export { type ImageSource, type PlacedImage, type SourceImage, type SourceOptions, sourceOptionsOf } from './source.js'
export { type TarEntry, tarEntries } from './tar.js'
