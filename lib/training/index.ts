/**
 * Trainers, and what `facenet train` makes of them: faces, batches, the loop, its checkpoints.
 *
 * @module facenet-native/train
 */
export type * from '../../types/graph.js'
export type {
  DeviceKind,
  LossSettings,
  OptimizerOptions,
  StepReport,
  TrainerTensor,
  TrainingPlanReport,
} from '../../types/native.js'
export type { NetworkOptions } from '../convert/networks/index.js'
export { type LossName, type LossOptions, lossNames } from '../embeddings/losses.js'
export { type Strategy, strategies, type Triplets } from '../embeddings/triplets.js'
export type { CheckedPairs } from '../evaluation/evaluate_pairs.js'
export type { ImagePair } from '../evaluation/lfw_pairs.js'
export type { FileSource } from '../files/file_source.js'
export type { ModelMetadata, ModelNotes, Threshold } from '../files/model/metadata.js'
export type { FivePoints, Size } from '../images/geometry.js'
export type { DecodeLimits } from '../images/index.js'
export type { PointTemplate, TemplateName } from '../images/templates.js'
export type { ModelInMemory } from '../model/in_memory.js'
export type { Pixels } from '../model/pixels.js'
export type { DevicePreference } from '../native/check_arguments.js'
export type { Device } from '../native/devices.js'
export { type Progress, readProgress } from '../report/training_progress.js'
export type { FailedImage, PassedOver, SourceImage, SourceOptions, SourcePaths } from '../sources/index.js'
export { type AugmentOptions, checkAugmentOptions, noAugmentation } from './augment.js'
export { type CreateTrainer, createTrainer, type ResumeOptions } from './create_trainer.js'
export type { Ending } from './ending.js'
export { type FaceOptions, FaceStore, type ListedFace, openFaces, readIdentities } from './faces.js'
export { BatchMaker, type BatchSource, type FaceBatch, type Making, makeBatch } from './faces_batches.js'
export { Group, joinGroup } from './group/group.js'
export type { GroupOptions } from './group/options.js'
export { files, type Loop, train } from './loop.js'
export {
  collapseActions,
  firstState,
  type LoopSettings,
  type LoopState,
  readLoopState,
  selections,
} from './loop_state.js'
export { type OfflineOptions, OfflineSampler, type OfflineSettings, type Selection } from './offline.js'
export type { OptimizerSettings, TrainerOptions } from './options.js'
export { type BaselineLine, type ProgressLine, ProgressLog } from './progress_log.js'
export { type SampledBatch, Sampler, type SamplerOptions } from './sampler.js'
export { parseSchedule, type Schedule } from './schedule.js'
export {
  type OptimizerName,
  optimizerNames,
  type TrainingDType,
  type TrainingSettings,
  trainingDTypes,
} from './settings.js'
export { Teacher, type TeacherOptions, type TeacherSettings } from './teacher.js'
export { EventWriter, type Scalars } from './tensorboard.js'
export type { Trainer } from './trainer.js'
export type {
  Batches,
  CallOptions,
  StepCallOptions,
  StepResult,
  Teaching,
  TrainerEmbedOptions,
  TrainerTensors,
} from './trainer_calls.js'
export { type Embedder, Validation, type ValidationResult } from './validate.js'
