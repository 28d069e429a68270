export { type DecodeLimits, decodeImage, defaultLimitInputPixels, type FileLimits, type ImageInput } from './decode.js'
export { cropFace, loadFace } from './face.js'
export { checkDetection, findFaces, type LoadedFace, loadFaces } from './faces.js'
export type { FivePoints, Size } from './geometry.js'
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
