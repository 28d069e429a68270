export { type DecodeLimits, decodeImage, defaultLimitInputPixels, type ImageInput } from './decode.js'
export { type Align, type AlignOptions, cropFace, type FaceTarget, loadFace } from './face.js'
export {
  checkDetection,
  type Detection,
  type FaceChoice,
  faceChoices,
  findFaces,
  type LoadedFace,
  loadFaces,
} from './faces.js'
export type { FivePoints, Size } from './geometry.js'
export { checkTemplate, type TemplateName, templatePoints, templates } from './templates.js'
export type { RawImage } from './warp.js'
