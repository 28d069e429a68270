export type { MinSize } from './min_size.js'
export { nonMaximumSuppression, type OverlapKind, overlap } from './nms.js'
export {
  type DetectFacesOptions,
  type DetectorSource,
  detectFaces,
  type OpenDetectorOptions,
  openDetector,
} from './open.js'
export type { DetectedFace, DetectOptions, Detector, FaceBox, FaceFinder, RgbImage } from './types.js'
