/**
 * YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023), which has one anchor a place. Its score is
 * sqrt(class x objectness), its box and points are offsets from the place in strides, width and height their logarithms. Of
 * faces that overlap by more than 0.3 the best stays. The network finds faces of about 10 to 300 pixels.
 */
import { yunetHeads } from '../convert/importers/yunet.js'
import type { DetectorFile } from '../files/model/detector_file.js'
import { type HeadsRule, openHeads } from './heads_detector.js'
import type { NetworkDetector } from './network_detector.js'
import type { NetworkOptions } from './sized_network.js'

const yunet: HeadsRule = {
  name: 'yunet',
  heads: yunetHeads,
  smallestFace: 10,
  overlapLimit: 0.3,
  defaultScore: 0.6,
  score: ({ cls, obj }, at) => Math.sqrt(cls![at]! * obj![at]!),
  face({ bbox, kps }, { x, y, stride, at }) {
    const [width, height] = [2, 3].map((i) => Math.exp(bbox![4 * at + i]!) * stride) as [number, number]
    const [middleX, middleY] = [x + bbox![4 * at]! * stride, y + bbox![4 * at + 1]! * stride]
    const points = Array.from(
      kps!.subarray(10 * at, 10 * at + 10),
      (offset, i) => offset * stride + (i % 2 === 0 ? x : y),
    )
    return { box: { x: middleX - width / 2, y: middleY - height / 2, width, height }, points }
  },
}

/** Throws ERR_FACENET_MODEL_INVALID where the file is not YuNet's. */
export const openYunet = (file: DetectorFile, options: NetworkOptions): NetworkDetector =>
  openHeads(file, yunet, options)
