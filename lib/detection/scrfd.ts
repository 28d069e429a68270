/**
 * SCRFD as insightface runs it (python-package/insightface/model_zoo/scrfd.py: `distance2bbox`, `distance2kps`, `forward`,
 * `detect`). Boxes are the distances from the place to their left, top, right and bottom side, points the distances to each, in
 * strides; the two anchors of a place share it. Faces below a score of 0.5 are left out, and of faces that overlap by more than 0.4
 * the best stays. insightface counts the pixels of a box with both ends included, which makes boxes overlap by a little more.
 *
 * The network was trained on anchors of 16 to 512 pixels.
 */
import { scrfdBoxHeads, scrfdHeads } from '../convert/importers/scrfd.js'
import type { DetectorFile } from '../files/model/detector_file.js'
import { boxBetween, type HeadsRule, openHeads } from './heads_detector.js'
import type { NetworkDetector } from './network_detector.js'
import type { NetworkOptions } from './sized_network.js'

const scrfd: HeadsRule = {
  name: 'scrfd',
  heads: scrfdHeads,
  smallestFace: 16,
  overlapLimit: 0.4,
  defaultScore: 0.5,
  score: ({ score }, at) => score![at]!,
  face({ bbox, kps }, { x, y, stride, at }) {
    const side = (i: number) => bbox![4 * at + i]! * stride
    const points = kps?.subarray(10 * at, 10 * at + 10) ?? []
    return {
      box: boxBetween(x - side(0), y - side(1), x + side(2), y + side(3)),
      points: Array.from(points, (offset, i) => (i % 2 === 0 ? x : y) + offset * stride),
    }
  },
}

/** Throws ERR_FACENET_MODEL_INVALID where the file is not SCRFD's. */
export function openScrfd(file: DetectorFile, options: NetworkOptions): NetworkDetector {
  const hasPoints = file.graphs.detect?.outputs.some((name) => name.startsWith('kps'))
  return openHeads(file, hasPoints ? scrfd : { ...scrfd, heads: scrfdBoxHeads }, options)
}
