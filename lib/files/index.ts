/**
 * Model files, where images come from, and where embeddings go.
 *
 * @module facenet-native/files
 */
export type * from '../../types/graph.js'
export type { StoredDType, TensorEntry, WeightSource } from '../../types/native.js'
export type { DetectedFace, FaceBox } from '../detection/types.js'
export type { Embeddings } from '../embeddings/embeddings.js'
export type { MixedOptions, Preparation } from '../embeddings/preparation.js'
export { readEmbeddings, type StoredEmbeddings } from '../evaluation/embedding_rows.js'
export type { Slice } from '../evaluation/evaluate_all_pairs.js'
export {
  readThresholdFile,
  type ThresholdFile,
  type ThresholdRows,
  writeThresholdFile,
} from '../evaluation/threshold_file.js'
export type { Affine } from '../images/geometry.js'
export type { FaceQuality, FivePoints } from '../images/index.js'
export {
  type ImageSource,
  openSource,
  type PassedOver,
  PassedOverCounts,
  type PlacedImage,
  type SourceImage,
  type SourceOptions,
  type SourcePaths,
  type TarEntry,
  tarEntries,
} from '../sources/index.js'
export { type WriteChunk, type WriteOptions, writeAtomically } from './atomic_write.js'
export {
  type DetectorContents,
  type DetectorFile,
  type DetectorKind,
  type DetectorMetadata,
  type DetectorNotes,
  type Graphs,
  isDetectorFile,
  readDetector,
  writeDetector,
} from './model/detector_file.js'
export type { ModelMetadata, ModelNotes, Threshold } from './model/metadata.js'
export {
  type Model as ModelFile,
  type ModelContents,
  type ReadModelOptions,
  readModel,
  type StorageOptions,
  verifyModel,
  writeModel,
} from './model/model_file.js'
export type { SafetensorsDType, SafetensorsEntry, SafetensorsHeader, Source } from './model/safetensors.js'
export type { Tensor, Tensors } from './model/tensor.js'
export { readTensors, type TensorFile } from './model/tensor_reader.js'
export type { RowAbout, StoredMissing } from './outputs/about.js'
export { openOutput } from './outputs/open.js'
export type { EmbeddingRow, MissingRow, Output, OutputOptions } from './outputs/output.js'
export { isStored, readStored, type StoredRows } from './outputs/stored.js'
