/**
 * The detector of `@vladmandic/face-api`, whose weights come with that package: the default where no other is given.
 *
 * `detect`, a YOLOv2 (Redmon and Farhadi, "YOLO9000", 2017), proposes five boxes a cell of 32 pixels: the centre lies in the
 * cell, sigmoid of two values from its corner, and width and height are the anchor's times the exponentials of two more. Of
 * boxes that overlap by more than 0.4 the best stays, and none that lies in a better one: at a fine scale an eye looks like a face,
 * and at a coarse one so does a group. An image is looked at in its own pixels, with a longer side of 416 at least and of 2048 at
 * most, and again at halves of that: the network sees faces from 32 pixels to half of its input.
 *
 * `landmarks` then finds 68 points in a square around each box. Five are made of them: each eye is the mean of the six
 * points of its lids, the nose its tip, and the mouth has its corners.
 */
import { anchorCount, landmarkValues, valuesPerAnchor } from '../convert/importers/face_api.js'
import { activationShapes } from '../convert/networks/shapes.js'
import { invalidModel } from '../errors.js'
import type { DetectorFile } from '../files/model/detector_file.js'
import { warp } from '../images/warp.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { sharedBytes } from '../native/shared_memory.js'
import { bestFaces } from './best.js'
import { checkDetectOptions } from './detect_options.js'
import { minPixels } from './min_size.js'
import { NetworkDetector } from './network_detector.js'
import { detectInPlace } from './own_pixels.js'
import { type ScaledImage, scaledBatches, unscaledBox } from './scaled.js'
import { sigmoid } from './sigmoid.js'
import { type NetworkOptions, SizedNetwork } from './sized_network.js'
import type { DetectedFace, DetectOptions, FaceBox, RgbImage } from './types.js'

const stride = 32
/** Width and height of the boxes that a cell proposes, in cells. */
const anchors = [
  [1.603231, 2.094468],
  [6.041143, 7.080126],
  [2.882459, 3.518061],
  [4.266906, 5.178857],
  [9.041765, 10.66308],
] as const
/** Longer side of the network's input at the finest scale, unless `minSize` asks for another: small images are enlarged. */
const [leastLongest, mostLongest] = [416, 2048] as const
/** Scales go on to halve until the longer side is at most this: the network sees faces of up to half its input best. */
const coarsest = 128
/** Of the smallest face the network finds, in pixels of its input. */
const smallestFace = 32
const overlapLimit = 0.4
/** Share of a box that lies in a better one, above which it goes too. */
const insideLimit = 0.7
const defaultScore = 0.5
/** Side of the landmark network's input, and how many faces go through it together. */
const landmarkSide = 112
const landmarkBatch = 32

/** Throws ERR_FACENET_MODEL_INVALID where the file is not this detector's. */
export function openFaceApi({ graphs, weights, metadata }: DetectorFile, options: NetworkOptions): NetworkDetector {
  const network = (name: string, values: number) => {
    const graph = graphs[name]
    if (!graph) throw invalidModel('graphs', `the graph ${name}`, Object.keys(graphs).join(', '))
    const channels = activationShapes(graph).get(graph.outputs[0]!)![2]
    if (graph.outputs.length !== 1 || channels !== values) {
      throw invalidModel(`outputs of ${name}`, `one of ${values} channels`, `${graph.outputs.length} of ${channels}`)
    }
    return new SizedNetwork(graph, weights, options)
  }
  const detect = network('detect', anchorCount * valuesPerAnchor)
  return new FaceApi(detect, network('landmarks', landmarkValues), metadata.fingerprint)
}

const usualLongest = (longer: number) => Math.min(mostLongest, Math.max(leastLongest, longer))

type Found = Omit<DetectedFace, 'points'>

class FaceApi extends NetworkDetector {
  readonly name = 'face-api'

  constructor(
    private readonly boxes: SizedNetwork,
    private readonly landmarks: SizedNetwork,
    fingerprint: string,
  ) {
    super([boxes, landmarks], fingerprint)
  }

  smallestFace({ width, height }: { width: number; height: number }): number {
    const longer = Math.max(width, height)
    return (smallestFace * longer) / usualLongest(longer)
  }

  async [detectInPlace](images: readonly RgbImage[], options: DetectOptions): Promise<DetectedFace[][]> {
    const { minSize, scoreThreshold = defaultScore, signal } = checkDetectOptions(images, options)
    const found: Found[][] = images.map(() => [])
    const longestOf = (image: RgbImage) => {
      const pixels = minPixels(minSize, image)
      const longer = Math.max(image.width, image.height)
      return pixels === undefined ? usualLongest(longer) : Math.max(stride, (longer * smallestFace) / pixels)
    }
    for await (const batch of scaledBatches(images, { multiple: stride, coarsest, longestOf })) {
      throwIfAborted(signal)
      const { height, width } = batch[0]!.scaled
      const input = Buffer.concat(batch.map(({ scaled: { data } }) => data))
      const [output] = await this.boxes.run(input, batch.length, [height, width], signal)
      batch.forEach(({ image, scaled }, n) => {
        found[image]!.push(...decode(output!, n, scaled, scoreThreshold))
      })
    }
    const kept = found.map((faces, i) => {
      const apart = bestFaces(faces, overlapLimit, minPixels(minSize, images[i]!))
      return bestFaces(apart, insideLimit, 0, 'min')
    })
    return this.#withPoints(images, kept, signal)
  }

  /** Faces of all images go through the landmark network in batches. */
  async #withPoints(
    images: readonly RgbImage[],
    found: readonly Found[][],
    signal: AbortSignal | undefined,
  ): Promise<DetectedFace[][]> {
    const all = found.flatMap((faces, i) =>
      faces.map((face) => ({ square: squareAround(face.box), image: images[i]! })),
    )
    const points: number[][] = []
    for (let first = 0; first < all.length; first += landmarkBatch) {
      throwIfAborted(signal)
      const batch = all.slice(first, first + landmarkBatch)
      const pixels = sharedBytes(batch.length * landmarkSide ** 2 * 3)
      const crops = batch.map(({ square, image }) => ({ image, map: mapTo(square) }))
      await warp(crops, { width: landmarkSide, height: landmarkSide }, pixels)
      const [output] = await this.landmarks.run(pixels, batch.length, [landmarkSide, landmarkSide], signal)
      batch.forEach(({ square }, n) => {
        points.push(fivePoints(output!.subarray(n * landmarkValues, (n + 1) * landmarkValues), square))
      })
    }
    let next = 0
    return found.map((faces) => faces.map((face) => ({ ...face, points: points[next++]! })))
  }
}

/** The boxes of image `n` of a batch, in pixels of the photograph. */
function* decode(output: Float32Array, n: number, scaled: ScaledImage, scoreThreshold: number): Generator<Found> {
  const [rows, columns] = [scaled.height / stride, scaled.width / stride]
  for (let cell = 0; cell < rows * columns; cell++) {
    for (const [anchor, [anchorWidth, anchorHeight]] of anchors.entries()) {
      const at = ((n * rows * columns + cell) * anchorCount + anchor) * valuesPerAnchor
      const [dx, dy, logWidth, logHeight, logit] = output.subarray(at, at + valuesPerAnchor)
      const score = sigmoid(logit!)
      if (!(score >= scoreThreshold)) continue
      const [width, height] = [Math.exp(logWidth!) * anchorWidth * stride, Math.exp(logHeight!) * anchorHeight * stride]
      const x = ((cell % columns) + sigmoid(dx!)) * stride - width / 2
      const y = (Math.floor(cell / columns) + sigmoid(dy!)) * stride - height / 2
      const box = unscaledBox({ x, y, width, height }, scaled)
      if (box) yield { score, box }
    }
  }
}

/** x and y of the top left corner, and the side. */
type Square = readonly [x: number, y: number, side: number]

function squareAround({ x, y, width, height }: FaceBox): Square {
  const side = Math.max(width, height)
  return [x + (width - side) / 2, y + (height - side) / 2, side]
}

/** From pixels of the landmark network's input to those of the image. */
function mapTo([x, y, side]: Square) {
  const step = side / landmarkSide
  return { xx: step, xy: 0, x0: x + (step - 1) / 2, yx: 0, yy: step, y0: y + (step - 1) / 2 }
}

/** Of the 68 points: the lids of each eye, the tip of the nose, the corners of the mouth. Right is the person's right. */
const fiveOf = [[36, 37, 38, 39, 40, 41], [42, 43, 44, 45, 46, 47], [30], [48], [54]] as const

function fivePoints(landmarks: Float32Array, [x, y, side]: Square): number[] {
  const mean = (indices: readonly number[], axis: 0 | 1) =>
    indices.reduce((sum, index) => sum + landmarks[2 * index + axis]!, 0) / indices.length
  return fiveOf.flatMap((indices) => [x + mean(indices, 0) * side, y + mean(indices, 1) * side])
}
