/**
 * RetinaFace: two anchors a place, squares of 16 to 512 pixels, from which boxes and points are offsets in their sides; the sides of a box
 * are exponentials. Of faces that overlap by more than 0.4 the best stays.
 *
 * Pytorch_Retinaface (layers/functions/prior_box.py, `decode` and `decode_landm` of utils/box_utils.py) puts anchors in the middle of
 * their place, the smaller one first, and scales offsets by variances of 0.1 and 0.2; detect.py draws faces from a score of 0.6 on.
 * insightface's (RetinaFace/retinaface.py, rcnn/processing/generate_anchor.py) lie around 7.5 pixels from the place whatever the stride, as
 * each grows from the square of 16 pixels whose first is the place, and the larger one is first. There, pixels are counted with both ends
 * included: a box is as wide as it has pixels.
 */
import { mxnetRetinafaceHeads, retinafaceHeads } from '../convert/importers/retinaface.js'
import type { DetectorFile } from '../files/model/detector_file.js'
import { type Anchor, type HeadsRule, openHeads } from './heads_detector.js'
import type { NetworkDetector } from './network_detector.js'
import { sigmoid } from './sigmoid.js'
import type { NetworkOptions } from './sized_network.js'

/** Sides of the smaller and of the larger anchor, by stride. */
const sides: Readonly<Record<number, readonly [number, number]>> = { 8: [16, 32], 16: [64, 128], 32: [256, 512] }

const shared = { name: 'retinaface', smallestFace: sides[8]![0], overlapLimit: 0.4 } as const

/** `middle`: of the anchor, from its place; `edge`: from the side of a box to that of its first pixel. */
interface Prior {
  middle: number
  side: number
  variances: readonly [number, number]
  edge: number
}

function faceAt({ x, y, at }: Anchor, boxes: Float32Array, points: Float32Array, prior: Prior) {
  const { middle, side, variances, edge } = prior
  const [middleX, middleY] = [x + middle, y + middle]
  const moved = (from: number, offset: number) => from + offset * variances[0] * side
  const [width, height] = [2, 3].map((i) => side * Math.exp(boxes[4 * at + i]! * variances[1])) as [number, number]
  return {
    box: {
      x: moved(middleX, boxes[4 * at]!) - width / 2 + edge,
      y: moved(middleY, boxes[4 * at + 1]!) - height / 2 + edge,
      width,
      height,
    },
    points: Array.from(points.subarray(10 * at, 10 * at + 10), (v, i) => moved(i % 2 === 0 ? middleX : middleY, v)),
  }
}

const pytorch: HeadsRule = {
  ...shared,
  heads: retinafaceHeads,
  defaultScore: 0.6,
  score: ({ conf }, at) => sigmoid(conf![2 * at + 1]! - conf![2 * at]!),
  face({ loc, landms }, anchor) {
    const { stride, index } = anchor
    const prior = { middle: stride / 2, side: sides[stride]![index]!, variances: [0.1, 0.2], edge: 0 } as const
    return faceAt(anchor, loc!, landms!, prior)
  },
}

const mxnet: HeadsRule = {
  ...shared,
  heads: mxnetRetinafaceHeads,
  defaultScore: 0.5,
  score({ cls }, at) {
    const [index, place] = [at % 2, Math.floor(at / 2)]
    return sigmoid(cls![4 * place + 2 + index]! - cls![4 * place + index]!)
  },
  face({ bbox, landmark }, anchor) {
    const { stride, index } = anchor
    const prior = { middle: 7.5, side: sides[stride]![1 - index]!, variances: [1, 1], edge: 0.5 } as const
    return faceAt(anchor, bbox!, landmark!, prior)
  },
}

/** Throws ERR_FACENET_MODEL_INVALID where the file is not RetinaFace's. */
export function openRetinaface(file: DetectorFile, options: NetworkOptions): NetworkDetector {
  const isMxnet = file.graphs.detect?.outputs.some((name) => name.startsWith('landmark_'))
  return openHeads(file, isMxnet ? mxnet : pytorch, options)
}
