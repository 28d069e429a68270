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
  createTrainer,
  type ResumeOptions,
  type StepCallOptions,
  type StepResult,
  Trainer,
} from './trainer.js'
