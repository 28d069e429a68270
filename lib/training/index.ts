export {
  type OptimizerName,
  type OptimizerSettings,
  optimizerNames,
  type TrainerOptions,
  type TrainingDType,
  type TrainingSettings,
  trainingDTypes,
} from './options.js'
export {
  type CallOptions,
  type CreateTrainer,
  createTrainer,
  type ResumeOptions,
  type StepCallOptions,
  type StepResult,
  Trainer,
  type TrainerEmbedOptions,
  type TrainerTensors,
} from './trainer.js'
