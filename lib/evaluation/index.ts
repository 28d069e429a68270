export {
  evaluatePairs,
  type FoldResult,
  type PairsOptions,
  type PairsResult,
  type ValAtFar,
} from './evaluate_pairs.js'
export type { RocPoint } from './rates.js'
export { readThresholdFile, type ThresholdFile, writeThresholdFile } from './threshold_file.js'
