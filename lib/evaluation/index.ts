/**
 * What `facenet evaluate` does, for code.
 *
 * @module facenet-native/evaluate
 */
export type { DetectedFace, DetectOptions, FaceBox, FaceFinder, RgbImage } from '../detection/types.js'
export type { Embeddings } from '../embeddings/embeddings.js'
export type { MixedOptions, Preparation } from '../embeddings/preparation.js'
export type { RowAbout, StoredMissing } from '../files/outputs/about.js'
export type { FivePoints, Size } from '../images/geometry.js'
export type { DecodeLimits } from '../images/index.js'
export type { FaceQuality } from '../images/quality.js'
export type { Model } from '../model/model.js'
export type { StreamProgress } from '../model/options.js'
export type { EmbeddedImage } from '../model/stream.js'
export type { DevicePreference } from '../native/check_arguments.js'
export type {
  EmbeddedFace,
  FailedImage,
  PassedOver,
  SourceImage,
  SourceOptions,
  SourcePaths,
} from '../sources/index.js'
export type { AllPairsOptions, Tile } from './all_pairs.js'
export { type Degradation, degrade, jpegQualities, pixelCounts } from './degrade.js'
export { type EmbedImagesOptions, type EvaluatedImage, type EvaluationAlign, embedImages } from './embed_images.js'
export { readEmbeddings, type StoredEmbeddings } from './embedding_rows.js'
export {
  type AllPairsResult,
  type EvaluateAllPairsOptions,
  evaluateAllPairs,
  type LabeledEmbeddings,
  type LabeledRows,
  type Slice,
} from './evaluate_all_pairs.js'
export {
  evaluatePairs,
  type FoldResult,
  type PairsOptions,
  type PairsResult,
  type ValAtFar,
} from './evaluate_pairs.js'
export { evaluateLfw, type LfwOptions, type ListedResult } from './lfw.js'
export { type ImagePair, parseLfwPairs } from './lfw_pairs.js'
export type { EmbeddedImages, FoundImages, ListedOptions } from './listed_images.js'
export type { PublishedFigure, PublishedTable, PublishedVal } from './published.js'
export { publishedFigures, publishedRobustness } from './published.js'
export type { DetPoint, RocPoint } from './rates.js'
export {
  type ListedPairs,
  type Robustness,
  type RobustnessOptions,
  robustnessOfAllPairs,
  robustnessOfListedPairs,
} from './robustness.js'
export { readThresholdFile, type ThresholdFile, type ThresholdRows, writeThresholdFile } from './threshold_file.js'
export { evaluateYtf, type YtfOptions, type YtfResult } from './ytf.js'
export { parseYtfSplits, type VideoSummary } from './ytf_splits.js'
