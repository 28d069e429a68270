/**
 * The YuNet face detector (https://github.com/opencv/opencv_zoo, `face_detection_yunet`) from its ONNX file. Twelve outputs:
 * for each stride a class and an objectness score, a box and five points a place.
 */
import { type Heads, headOutputs, type ImportedHeads, importHeads } from './heads.js'
import type { SourceModel } from './source.js'

export const yunetHeads: Heads = { anchors: 1, values: { cls: 1, obj: 1, bbox: 4, kps: 10 } }

/** The file names its outputs `cls_8`, `cls_16`, ..., `kps_32`. */
export function isYunet({ outputs }: SourceModel): boolean {
  return [...headOutputs(yunetHeads).keys()].every((name) => outputs.includes(name))
}

/** Throws ERR_FACENET_MODEL_INVALID where the file is damaged. */
export function importYunet(source: SourceModel, check?: boolean): Promise<ImportedHeads> {
  return importHeads(source, {
    detector: 'yunet',
    heads: yunetHeads,
    // As OpenCV feeds it: blue, green, red, 0 to 255.
    input: { color: 'bgr', mean: 0, scale: 1 },
    license: 'MIT',
    source: 'opencv_zoo, face_detection_yunet',
    check,
  })
}
