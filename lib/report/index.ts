/**
 * What was measured as one HTML file, and pictures of found faces.
 *
 * @module facenet-native/report
 */
export type { Agreement, ClusterScores } from '../clustering/scores.js'
export type { DetectedFace, FaceBox } from '../detection/types.js'
export type { Tile } from '../evaluation/all_pairs.js'
export type { AllPairsResult, Slice } from '../evaluation/evaluate_all_pairs.js'
export type { FoldResult, PairsResult, ValAtFar } from '../evaluation/evaluate_pairs.js'
export type { DetPoint, RocPoint } from '../evaluation/rates.js'
export type { Robustness } from '../evaluation/robustness.js'
export type { FivePoints, Size } from '../images/geometry.js'
export type { Align } from '../images/target.js'
export type { PointTemplate, TemplateName } from '../images/templates.js'
export {
  contactSheet,
  type NearestFace,
  nearestOthers,
  type Sheet,
  type SheetFace,
  type SheetPhotograph,
} from './contact_sheet.js'
export { checkDestination, writePage } from './destination.js'
export { Extremes, type FacePair } from './extremes.js'
export type { MapFaces } from './face_map.js'
export { type FaceCrop, type FaceLoader, type FacePicture, loadFaces } from './faces.js'
export { DistanceHistogram, type HistogramBins } from './histogram_counts.js'
export { drawFaces } from './overlay.js'
export { PairWatch } from './pair_watch.js'
export { type AllPairsReport, allPairsReport } from './reports/all_pairs.js'
export type { ReportBasis } from './reports/basis.js'
export { type ClusterReport, clusterReport } from './reports/clusters.js'
export { type ListedPairsReport, listedPairsReport } from './reports/listed_pairs.js'
export { type PeopleReport, peopleReport } from './reports/people.js'
export { type RobustnessReport, robustnessReport } from './reports/robustness.js'
export { type ClusteredFaces, clustersBySize } from './sections/clusters.js'
export type { MapInput } from './sections/map.js'
export type { PeopleFace, PeopleShown, ShownPerson } from './sections/people.js'
export type { DegradedVal, RobustModel } from './sections/robustness.js'
export type { JudgedPair, ShownFace, WorstPairs } from './sections/worst_pairs.js'
export { type Progress, parseProgress, readProgress } from './training_progress.js'
