/**
 * FaceNet for Node.js: faces to points whose distance says who is who.
 *
 * @module facenet-native
 */
export type {
  Extent,
  GraphDescription,
  GraphNode,
  NodeBase,
  Padding,
  PoolAttributes,
  Rounding,
  WindowAttributes,
} from '../types/graph.js'
export type {
  DeviceKind,
  DType,
  LossSettings,
  OptimizerOptions,
  PlanReport,
  PlanStep,
  StepReport,
  StoredDType,
  TrainerTensor,
  TrainingPlanReport,
} from '../types/native.js'
export {
  type AddOptions,
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
export { type NetworkDefinition, type NetworkName, type NetworkOptions, networks } from './convert/networks/index.js'
export {
  type DetectedFace,
  type DetectFacesOptions,
  type DetectOptions,
  type Detector,
  type DetectorSource,
  detectFaces,
  type FaceBox,
  type FaceFinder,
  type MinSize,
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
export {
  type EmbeddingLoss,
  type EmbeddingLossOptions,
  embeddingLoss,
  type LossName,
  type LossOptions,
  lossNames,
} from './embeddings/losses.js'
export { type NeighborOptions, type Neighbors, nearestNeighbors } from './embeddings/neighbors.js'
export type { MixedOptions, Preparation } from './embeddings/preparation.js'
export { type IndexOptions, indexEmbeddings, type SearchIndex } from './embeddings/search_index.js'
export {
  type MiningOptions,
  mineTriplets,
  type Strategy,
  type TripletLoss,
  type TripletOptions,
  type Triplets,
  tripletLoss,
} from './embeddings/triplets.js'
export { FaceNetError, type FaceNetErrorCode, type FaceNetErrorDetails } from './errors.js'
export type { Slice } from './evaluation/evaluate_all_pairs.js'
export {
  evaluatePairs,
  type FoldResult,
  type PairsOptions,
  type PairsResult,
  type ValAtFar,
} from './evaluation/evaluate_pairs.js'
export type { RocPoint } from './evaluation/rates.js'
export { readThresholdFile, type ThresholdFile, type ThresholdRows } from './evaluation/threshold_file.js'
export type { FileSource } from './files/file_source.js'
export type { DetectorContents, DetectorKind, DetectorNotes, Graphs } from './files/model/detector_file.js'
export type { ModelMetadata, ModelNotes, Threshold } from './files/model/metadata.js'
export type { Tensor, Tensors } from './files/model/tensor.js'
export {
  type AddedImages,
  type AddImagesOptions,
  type AlbumOptions,
  type AlbumResult,
  type CommonFaces,
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
  type MapLoss,
  type MapOptions,
  type MigrateOptions,
  type MigrateResult,
  migrateGallery,
  type NamedRows,
  type NearPeople,
  type NewFace,
  type OpenGalleryOptions,
  openGallery,
} from './gallery/index.js'
export type {
  Align,
  DecodeLimits,
  FaceChoice,
  FaceQuality,
  FileLimits,
  FivePoints,
  ImageInput,
  QualityGates,
  TemplateName,
} from './images/index.js'
export type { PointTemplate } from './images/templates.js'
export type { ModelInMemory } from './model/in_memory.js'
export type { Model } from './model/model.js'
export { type OpenModelOptions, openModel } from './model/open.js'
export type {
  EmbedArrayOptions,
  EmbedOptions,
  PreparationOptions,
  StageShares,
  StreamOptions,
  StreamProgress,
} from './model/options.js'
export type { Pixels } from './model/pixels.js'
export type { EmbeddedImage, StreamSource } from './model/stream.js'
export type { NamedOptions } from './models/named.js'
export type { BatchingOptions } from './native/batching.js'
export type { DevicePreference } from './native/check_arguments.js'
export { type Device, devices } from './native/devices.js'
export type {
  EmbeddedFace,
  FaceLeftOut,
  FailedImage,
  ImageMetadata,
  PassedOver,
  SourceImage,
  SourceOptions,
  SourcePaths,
} from './sources/index.js'
export { type CreateTrainer, createTrainer, type ResumeOptions } from './training/create_trainer.js'
export { Group, joinGroup } from './training/group/group.js'
export type { GroupOptions } from './training/group/options.js'
export type { OptimizerSettings, TrainerOptions } from './training/options.js'
export type { OptimizerName, TrainingDType, TrainingSettings } from './training/settings.js'
export type { Trainer } from './training/trainer.js'
export type {
  Batches,
  CallOptions,
  StepCallOptions,
  StepResult,
  Teaching,
  TrainerEmbedOptions,
  TrainerTensors,
} from './training/trainer_calls.js'
