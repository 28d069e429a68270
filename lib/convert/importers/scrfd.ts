/**
 * SCRFD, the detector of insightface's model packs (`det_10g.onnx`, `det_2.5g.onnx`, `det_500m.onnx`; Guo et al., "Sample and
 * Computation Redistribution for Efficient Face Detection", 2021), from its ONNX file. Nine outputs: for each stride a score, the
 * distances to a box's sides and to five points, for two anchors a place. Files without points have six. They are listed as
 * N x C or 1 x N x C under numbers for names, so they are known by their shapes.
 */
import { type Heads, type ImportedHeads, importHeads, strides } from './heads.js'
import type { SourceModel } from './source.js'

export const scrfdHeads: Heads = { anchors: 2, values: { score: 1, bbox: 4, kps: 10 } }
/** Of files whose names lack `_bnkps`. */
export const scrfdBoxHeads: Heads = { anchors: 2, values: { score: 1, bbox: 4 } }

const headsOf = ({ outputs }: SourceModel) =>
  [scrfdHeads, scrfdBoxHeads].find(({ values }) => outputs.length === strides.length * Object.keys(values).length)

/** Whether the last dimensions, where they are stated, are 1, 4 and 10, three times each. */
export function isScrfd(source: SourceModel): boolean {
  const heads = headsOf(source)
  const { outputDims = [] } = source
  if (!heads || !outputDims.every(({ length }) => length === 2 || length === 3)) return false
  const stated = outputDims.map((dims) => dims.at(-1))
  const open = stated.filter((last) => last === undefined).length
  const missing = Object.values(heads.values).map(
    (count) => strides.length - stated.filter((last) => last === count).length,
  )
  return missing.every((count) => count >= 0) && missing.reduce((sum, count) => sum + count, 0) === open
}

/** Throws ERR_FACENET_MODEL_INVALID where the file is damaged, or has an op that is not known. */
export function importScrfd(source: SourceModel, check?: boolean): Promise<ImportedHeads> {
  return importHeads(source, {
    detector: 'scrfd',
    heads: headsOf(source)!,
    // `cv2.dnn.blobFromImages(..., 1 / 128, size, (127.5, 127.5, 127.5), swapRB=True)` in insightface's scrfd.py.
    input: { color: 'rgb', mean: 127.5, scale: 1 / 128 },
    license: 'of insightface: non-commercial research',
    source: 'insightface, SCRFD',
    check,
  })
}
