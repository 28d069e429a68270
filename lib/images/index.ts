export { type DecodeLimits, decodeImage, defaultLimitInputPixels, type FileLimits, type ImageInput } from './decode.js'
export { cropFace, loadFace } from './face.js'
export { type FaceInput, loadFaceBatch } from './face_batch.js'
export { checkDetection, findFaces } from './faces.js'
export { type FacesOrError, type LoadedFace, loadFaces, loadFacesBatch, type RefusedFace } from './faces_batch.js'
export type { FivePoints, Size } from './geometry.js'
export { Meters } from './meter.js'
export { type FaceQuality, gateNames, type QualityGates } from './quality.js'
export {
  type Align,
  type AlignOptions,
  type Detection,
  defaultCenterFraction,
  type FaceChoice,
  type FaceTarget,
  faceChoices,
} from './target.js'
export { checkTemplate, type TemplateName, templatePoints, templates } from './templates.js'
export type { RawImage } from './warp.js'
