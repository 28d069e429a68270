/** FaceNet for Node.js: faces to points whose distance says who is who. */
export type { GraphDescription, GraphNode } from '../types/graph.js'
export type { DeviceKind, DType, PlanReport, PlanStep } from '../types/native.js'
export {
  type AgglomerativeOptions,
  type Agreement,
  addToClusters,
  type ClusterMethod,
  type ClusterOptions,
  type ClusterScores,
  clusterEmbeddings,
  clusterMethods,
  type Linkage,
  linkages,
  scoreClusters,
} from './clustering/index.js'
export { networks } from './convert/networks/index.js'
export {
  type DetectedFace,
  type DetectFacesOptions,
  type DetectOptions,
  type Detector,
  type DetectorSource,
  detectFaces,
  type FaceBox,
  type OpenDetectorOptions,
  openDetector,
  type RgbImage,
} from './detection/index.js'
export type { ForEmbeddings, RowOptions } from './embeddings/check_rows.js'
export {
  assertSameFingerprint,
  type DistanceOptions,
  l2Normalize,
  type NormalizeOptions,
  pairwiseDistances,
} from './embeddings/distances.js'
export type { EmbeddingRows, Embeddings } from './embeddings/embeddings.js'
export { type NeighborOptions, type Neighbors, nearestNeighbors } from './embeddings/neighbors.js'
export {
  type MiningOptions,
  mineTriplets,
  type Strategy,
  type TripletLoss,
  type TripletOptions,
  type Triplets,
  tripletLoss,
} from './embeddings/triplets.js'
export { FaceNetError, type FaceNetErrorCode } from './errors.js'
export {
  evaluatePairs,
  type FoldResult,
  type PairsOptions,
  type PairsResult,
  type RocPoint,
  readThresholdFile,
  type ThresholdFile,
  type ValAtFar,
} from './evaluation/index.js'
export type { Align, FaceChoice, FivePoints, ImageInput, TemplateName } from './images/index.js'
export type { ModelInMemory } from './model/in_memory.js'
export type { Model } from './model/model.js'
export { type OpenModelOptions, openModel } from './model/open.js'
export type { EmbedArrayOptions, EmbedOptions, StreamOptions, StreamProgress } from './model/options.js'
export type { Pixels } from './model/pixels.js'
export type { EmbeddedImage, StreamSource } from './model/stream.js'
export type { DevicePreference } from './native/check_arguments.js'
export { type Device, devices } from './native/devices.js'
export type { FailedImage, SourceImage } from './sources/index.js'
export {
  type CallOptions,
  createTrainer,
  type OptimizerName,
  type OptimizerSettings,
  type ResumeOptions,
  type StepCallOptions,
  type StepResult,
  type Trainer,
  type TrainerOptions,
  type TrainingDType,
} from './training/index.js'
