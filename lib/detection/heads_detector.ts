/**
 * Detectors of one look: a network that sees a whole image at once and says of every place, 8, 16 and 32 pixels apart, whether a
 * face is there, where its sides and where its points are. What they make of a place is theirs (`yunet.ts`, `scrfd.ts`,
 * `retinaface.ts`); the walk over places, anchors and scales is here.
 *
 * The input is padded with black at the right and at the bottom to multiples of 32. Such a network finds faces of a limited
 * range of sizes, so a large image is looked at several times, at scales that halve: the finest one shows a face of `minSize` as
 * large as the smallest that the network finds, the coarsest has a longer side of at most 320. Images are not enlarged.
 */
import { type Heads, headOutputs, strides } from '../convert/importers/heads.js'
import { activationShapes } from '../convert/networks/shapes.js'
import { invalidModel } from '../errors.js'
import type { DetectorFile, DetectorKind } from '../files/model/detector_file.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { bestFaces } from './best.js'
import { checkDetectOptions } from './detect_options.js'
import { minPixels } from './min_size.js'
import { NetworkDetector } from './network_detector.js'
import { detectInPlace } from './own_pixels.js'
import { type ScaledImage, scaledBatches, unscaled, unscaledBox } from './scaled.js'
import { type NetworkOptions, SizedNetwork } from './sized_network.js'
import type { DetectedFace, DetectOptions, FaceBox, RgbImage } from './types.js'

/** An anchor, in pixels of the network's input. */
export interface Anchor {
  /** Of its place: a multiple of the stride. */
  x: number
  y: number
  stride: number
  /** Which of those at this place. */
  index: number
  /** Its number among all of the outputs: a head with `n` values has them from `n * at` on. */
  at: number
}

/** Outputs of one stride, by the names of the heads. */
export type HeadValues = Readonly<Record<string, Float32Array>>

/** A detector of one look. */
export interface HeadsRule {
  name: DetectorKind
  heads: Heads
  /** Of the smallest face the network finds, in pixels of its input. */
  smallestFace: number
  /** Of two faces that overlap by more, the better one stays. */
  overlapLimit: number
  defaultScore: number
  score(values: HeadValues, at: number): number
  /** In pixels of the network's input; no points where the network has none. */
  face(values: HeadValues, anchor: Anchor): { box: FaceBox; points: number[] }
}

/** Width and height of the network's input are multiples of it. */
const multiple = Math.max(...strides)
/** Longer side of the finest scale, unless `minSize` asks for another, and of the coarsest. */
const usualLongest = 640
const coarsest = 320

/** Throws ERR_FACENET_MODEL_INVALID where the file is another detector's. */
export function openHeads(
  { graphs: { detect: graph, ...others }, weights, metadata }: DetectorFile,
  rule: HeadsRule,
  options: NetworkOptions,
): NetworkDetector {
  if (!graph) throw invalidModel('graphs', 'the graph detect', Object.keys(others).join(', '))
  const shapes = activationShapes(graph)
  const { height, width } = graph.input
  for (const [name, { stride, channels }] of headOutputs(rule.heads)) {
    const expected = [height / stride, width / stride, channels].join('x')
    const received = graph.outputs.includes(name) ? shapes.get(name)!.join('x') : 'none'
    if (received !== expected) throw invalidModel(`output ${name}`, expected, received)
  }
  return new HeadsDetector(rule, new SizedNetwork(graph, weights, options), metadata.fingerprint)
}

class HeadsDetector extends NetworkDetector {
  readonly name: string

  constructor(
    private readonly rule: HeadsRule,
    private readonly network: SizedNetwork,
    fingerprint: string,
  ) {
    super([network], fingerprint)
    this.name = rule.name
  }

  smallestFace({ width, height }: { width: number; height: number }): number {
    return this.rule.smallestFace * Math.max(1, Math.max(width, height) / usualLongest)
  }

  async [detectInPlace](images: readonly RgbImage[], options: DetectOptions): Promise<DetectedFace[][]> {
    const { smallestFace, overlapLimit, defaultScore } = this.rule
    const { minSize, scoreThreshold = defaultScore, signal } = checkDetectOptions(images, options)
    const found: DetectedFace[][] = images.map(() => [])
    const longestOf = (image: RgbImage) => {
      const pixels = minPixels(minSize, image)
      const longer = Math.max(image.width, image.height)
      return Math.min(
        longer,
        pixels === undefined ? usualLongest : Math.max(multiple, (longer * smallestFace) / pixels),
      )
    }
    for await (const batch of scaledBatches(images, { multiple, coarsest, longestOf })) {
      throwIfAborted(signal)
      const { height, width } = batch[0]!.scaled
      const input = Buffer.concat(batch.map(({ scaled: { data } }) => data))
      const outputs = await this.network.run(input, batch.length, [height, width], signal)
      const named = new Map(this.network.graph.outputs.map((name, i) => [name, outputs[i]!]))
      batch.forEach((look, n) => {
        found[look.image]!.push(...decode(this.rule, named, n, look.scaled, scoreThreshold))
      })
    }
    return found.map((faces, i) => bestFaces(faces, overlapLimit, minPixels(minSize, images[i]!)))
  }
}

/** The faces of image `n` of a batch, in pixels of the photograph. */
function* decode(
  rule: HeadsRule,
  outputs: ReadonlyMap<string, Float32Array>,
  n: number,
  scaled: ScaledImage,
  scoreThreshold: number,
): Generator<DetectedFace> {
  const { height, width, shrink, left, top } = scaled
  const { anchors, values } = rule.heads
  for (const stride of strides) {
    const columns = width / stride
    const count = columns * (height / stride) * anchors
    const heads: HeadValues = Object.fromEntries(
      Object.keys(values).map((head) => [head, outputs.get(`${head}_${stride}`)!]),
    )
    for (let i = 0; i < count; i++) {
      const at = n * count + i
      const score = rule.score(heads, at)
      if (!(score >= scoreThreshold)) continue
      const [place, index] = [Math.floor(i / anchors), i % anchors]
      const [x, y] = [(place % columns) * stride, Math.floor(place / columns) * stride]
      const face = rule.face(heads, { x, y, stride, index, at })
      const box = unscaledBox(face.box, scaled)
      if (!box) continue
      const points = face.points.map((value, axis) => unscaled(value + (axis % 2 === 0 ? left : top), shrink))
      yield { score, points, box }
    }
  }
}

/** The box between two corners. */
export function boxBetween(left: number, top: number, right: number, bottom: number): FaceBox {
  return { x: left, y: top, width: right - left, height: bottom - top }
}
