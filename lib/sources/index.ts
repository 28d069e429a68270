export { type Batch, type BatchOptions, batches, type EmbeddedFace, type FailedImage } from './batches.js'
export { openSource } from './open.js'
export type { ImageSource, PlacedImage, SourceImage } from './source.js'
export { type TarEntry, tarEntries } from './tar.js'
