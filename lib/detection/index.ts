export { nonMaximumSuppression, type OverlapKind, overlap } from './nms.js'
export type { DetectedFace, DetectOptions, Detector, FaceBox, RgbImage } from './types.js'
