export { type Batch, type BatchOptions, batches, type EmbeddedFace, type FailedImage } from './batches.js'
export { type ImageSource, openSource, type SourceImage } from './source.js'
export { type TarEntry, tarEntries } from './tar.js'
