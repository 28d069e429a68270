/**
 * MTCNN: P-net looks at every place of an image at many scales, R-net looks at what P-net found, O-net at what R-net left.
 * Each stage gives a score, shifts the box's edges, and hands on the best of boxes that overlap; O-net adds five points.
 * The limits below are those of the authors' implementation.
 *
 * Edges of boxes are counted from the left top corner of the image, 0 to its width: a box is the area it covers. The authors
 * count pixels from 1, both ends included, which moves boxes by up to a pixel of the level.
 */
import { type MtcnnStage, mtcnnGraphs } from '../convert/networks/mtcnn.js'
import { activationShapes } from '../convert/networks/shapes.js'
import { invalidModel } from '../errors.js'
import type { DetectorFile } from '../files/model/detector_file.js'
import { type Crop, warp } from '../images/warp.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { sharedBytes } from '../native/shared_memory.js'
import { checkDetectOptions } from './detect_options.js'
import { minPixels } from './min_size.js'
import { NetworkDetector } from './network_detector.js'
import { nonMaximumSuppression, type OverlapKind } from './nms.js'
import { detectInPlace } from './own_pixels.js'
import { cell, HalvedImage, pyramidLevels, step, tilesBySize } from './pyramid.js'
import { sigmoid } from './sigmoid.js'
import { type NetworkOptions, SizedNetwork } from './sized_network.js'
import type { DetectedFace, DetectOptions, FaceBox, RgbImage } from './types.js'

/** Scores below which a stage drops a box; the last is O-net's, unless `scoreThreshold` is given. */
const thresholds = { pnet: 0.6, rnet: 0.7, onet: 0.7 } as const
const usualMinSize = 20
/** Bytes of tiles that go through P-net together. */
const batchBytes = 4 << 20
/** Boxes that go through R-net and O-net together. */
const batchBoxes = 256

/** Throws ERR_FACENET_MODEL_INVALID where the file is not MTCNN's. */
export function openMtcnn({ graphs, weights, metadata }: DetectorFile, options: NetworkOptions): NetworkDetector {
  const stage = (name: MtcnnStage) => {
    const graph = graphs[name]
    if (!graph) throw invalidModel('graphs', `the graph ${name}`, Object.keys(graphs).join(', '))
    const [shape, expected] = [graph, mtcnnGraphs[name]].map((one) => {
      const shapes = activationShapes(one)
      return [one.input.name, ...one.outputs].map((tensor) => `${tensor} ${shapes.get(tensor)?.join('x')}`).join(', ')
    })
    if (shape !== expected) throw invalidModel(`graph ${name}`, expected!, shape)
    return new SizedNetwork(graph, weights, options)
  }
  return new Mtcnn({ pnet: stage('pnet'), rnet: stage('rnet'), onet: stage('onet') }, metadata.fingerprint)
}

/** A box that may hold a face. */
interface Candidate {
  box: FaceBox
  score: number
  /** Of the left, top, right and bottom edge, as shares of the box. */
  shifts: ArrayLike<number>
  /** O-net's: five x, then five y, as shares of the box. */
  points?: ArrayLike<number>
}

class Mtcnn extends NetworkDetector {
  readonly name = 'mtcnn'

  constructor(
    private readonly networks: Readonly<Record<MtcnnStage, SizedNetwork>>,
    fingerprint: string,
  ) {
    super(Object.values(networks), fingerprint)
  }

  smallestFace(): number {
    return usualMinSize
  }

  async [detectInPlace](images: readonly RgbImage[], options: DetectOptions): Promise<DetectedFace[][]> {
    const checked = checkDetectOptions(images, options)
    const found: DetectedFace[][] = []
    for (const image of images) found.push(await this.detectIn(image, checked))
    return found
  }

  private async detectIn(image: RgbImage, options: DetectOptions): Promise<DetectedFace[]> {
    const minSize = minPixels(options.minSize, image) ?? usualMinSize
    const { scoreThreshold = thresholds.onet, signal } = options
    const halved = new HalvedImage(image)
    const proposed = await this.propose(image, halved, minSize, signal)
    const boxes = best(proposed, 0.7).map(shifted).map(squared)
    const refined = await this.look('rnet', halved, boxes, thresholds.rnet, signal)
    const left = best(refined, 0.7).map(shifted).map(squared)
    const faces = await this.look('onet', halved, left, scoreThreshold, signal)
    const moved = faces.map((face) => ({ ...face, place: face.box, box: shifted(face) }))
    return best(moved, 0.7, 'min')
      .filter(({ box }) => Math.min(box.width, box.height) >= minSize)
      .map(({ box, score, place, points }) => ({ box, score, points: placed(points!, place) }))
  }

  /** P-net over all levels. */
  private async propose(image: RgbImage, halved: HalvedImage, minSize: number, signal?: AbortSignal) {
    const levels = pyramidLevels(image, minSize)
    const found: Candidate[][] = levels.map(() => [])
    for (const tiles of tilesBySize(levels)) {
      const { width, height } = tiles[0]!
      const [across, down] = [(width - cell) / step + 1, (height - cell) / step + 1]
      for (const batch of pieces(tiles, Math.max(1, Math.floor(batchBytes / (width * height * 3))))) {
        const crops = batch.map(({ level, column, row }) => {
          const { shrinkX, shrinkY } = levels[level]!
          return halved.crop(column * step * shrinkX, row * step * shrinkY, shrinkX, shrinkY)
        })
        const [logits, shifts] = await this.run('pnet', await Promise.all(crops), { width, height }, signal)
        for (const [n, tile] of batch.entries()) {
          const { shrinkX, shrinkY } = levels[tile.level]!
          for (let row = 0; row < tile.rows; row++) {
            for (let column = 0; column < tile.columns; column++) {
              const at = (n * down + row) * across + column
              const score = faceScore(logits!, at)
              if (!(score >= thresholds.pnet)) continue
              const x = (tile.column + column) * step * shrinkX
              const y = (tile.row + row) * step * shrinkY
              const box = { x, y, width: cell * shrinkX, height: cell * shrinkY }
              found[tile.level]!.push({ box, score, shifts: shifts!.slice(4 * at, 4 * at + 4) })
            }
          }
        }
      }
    }
    return found.flatMap((level) => best(level, 0.5))
  }

  /** R-net or O-net on each box. */
  private async look(
    stage: 'rnet' | 'onet',
    image: HalvedImage,
    boxes: readonly FaceBox[],
    threshold: number,
    signal?: AbortSignal,
  ): Promise<Candidate[]> {
    const side = mtcnnGraphs[stage].input.width
    const found: Candidate[] = []
    for (const batch of pieces(boxes, batchBoxes)) {
      const crops = batch.map(({ x, y, width, height }) => image.crop(x, y, width / side, height / side))
      const [logits, shifts, points] = await this.run(
        stage,
        await Promise.all(crops),
        { width: side, height: side },
        signal,
      )
      for (const [n, box] of batch.entries()) {
        const score = faceScore(logits!, n)
        if (!(score >= threshold)) continue
        found.push({
          box,
          score,
          shifts: shifts!.subarray(4 * n, 4 * n + 4),
          points: points?.subarray(10 * n, 10 * n + 10),
        })
      }
    }
    return found
  }

  private async run(
    stage: MtcnnStage,
    crops: readonly Crop[],
    size: { width: number; height: number },
    signal?: AbortSignal,
  ): Promise<Float32Array[]> {
    throwIfAborted(signal)
    const input = sharedBytes(crops.length * size.height * size.width * 3)
    await warp(crops, size, input)
    return this.networks[stage].run(input, crops.length, [size.height, size.width], signal)
  }
}

/** Softmax of (no face, face). */
function faceScore(logits: Float32Array, at: number): number {
  return sigmoid(logits[2 * at + 1]! - logits[2 * at]!)
}

function best<Face extends { box: FaceBox; score: number }>(
  faces: readonly Face[],
  limit: number,
  kind?: OverlapKind,
): Face[] {
  const scores = faces.map(({ score }) => score)
  const boxes = faces.map(({ box }) => box)
  return nonMaximumSuppression(boxes, scores, limit, kind).map((i) => faces[i]!)
}

function shifted({ box: { x, y, width, height }, shifts }: Candidate): FaceBox {
  const [left, top, right, bottom] = [shifts[0]!, shifts[1]!, shifts[2]!, shifts[3]!]
  return {
    x: x + left * width,
    y: y + top * height,
    width: Math.max(0, width * (1 + right - left)),
    height: Math.max(0, height * (1 + bottom - top)),
  }
}

/** The square around the same centre with the longer side. */
function squared({ x, y, width, height }: FaceBox): FaceBox {
  const side = Math.max(width, height)
  return { x: x + (width - side) / 2, y: y + (height - side) / 2, width: side, height: side }
}

/** Points in pixels of the image, x and y of each. */
function placed(points: ArrayLike<number>, { x, y, width, height }: FaceBox): number[] {
  return [0, 1, 2, 3, 4].flatMap((i) => [x + points[i]! * width, y + points[i + 5]! * height])
}

function* pieces<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size)
}
