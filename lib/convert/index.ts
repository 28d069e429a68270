/**
 * Weights of other formats as models of ours, models as ONNX, and the tables of networks.
 *
 * @module facenet-native/convert
 */
export type * from '../../types/graph.js'
export type { StoredDType } from '../../types/native.js'
export type { DetectorContents, DetectorKind, Graphs } from '../files/model/detector_file.js'
export type { ModelNotes, Threshold } from '../files/model/metadata.js'
export type { ModelContents } from '../files/model/model_file.js'
export type { Tensor, Tensors } from '../files/model/tensor.js'
export { type ExportOnnxOptions, exportOnnx } from './exporters/onnx.js'
export type { ImportCheck } from './importers/check.js'
export { type ImportedDetector, importDetector } from './importers/import_detector.js'
export { type ImportedModel, type ImportOptions, importModel } from './importers/import_model.js'
export type { InputOptions } from './importers/lower.js'
export {
  type NetworkDefinition,
  type NetworkName,
  type NetworkOptions,
  network,
  networkNames,
  networks,
} from './networks/index.js'
export { type F32Tensor, initialWeights } from './networks/initialize.js'
