/**
 * YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023): a network without anchors that looks at a whole
 * image at once.
 *
 * The input is padded with black at the right and at the bottom to multiples of 32. Each cell of strides 8, 16 and 32 gives a
 * face: its score is sqrt(class x objectness), its box and points are offsets from the cell's corner in strides, width and
 * height their logarithms. Of faces that overlap by more than 0.3 the best stays.
 *
 * The network finds faces of about 10 to 300 pixels. So a large image is looked at several times, at scales that halve: the
 * finest one shows a face of `minSize` at 10 pixels, the coarsest has a longer side of at most 320.
 */
import { strides, yunetOutputs } from '../convert/importers/yunet.js'
import { activationShapes } from '../convert/networks/shapes.js'
import { invalidModel } from '../errors.js'
import type { DetectorFile } from '../files/model/detector_file.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { bestFaces } from './best.js'
import { checkDetectOptions } from './detect_options.js'
import { minPixels } from './min_size.js'
import { NetworkDetector } from './network_detector.js'
import { detectInPlace } from './own_pixels.js'
import { type ScaledImage, scaledBatches, unscaled, unscaledBox } from './scaled.js'
import { type NetworkOptions, SizedNetwork } from './sized_network.js'
import type { DetectedFace, DetectOptions, Detector, RgbImage } from './types.js'

/** Width and height of the network's input are multiples of it. */
const multiple = 32
/** Longer side of the finest scale, unless `minSize` asks for another, and of the coarsest. */
const usualLongest = 640
const coarsest = 320
/** Of the smallest face the network finds, in pixels of its input. */
const smallestFace = 10
const overlapLimit = 0.3
const defaultScore = 0.6

/** Throws ERR_FACENET_MODEL_INVALID where the file is not YuNet's. */
export function openYunet({ graphs, weights, metadata }: DetectorFile, options: NetworkOptions): Detector {
  const { detect: graph } = graphs
  if (!graph) throw invalidModel('graphs', 'the graph detect', Object.keys(graphs).join(', '))
  const shapes = activationShapes(graph)
  const { height, width } = graph.input
  for (const [name, { stride, channels }] of yunetOutputs) {
    const expected = [height / stride, width / stride, channels].join('x')
    const received = graph.outputs.includes(name) ? shapes.get(name)!.join('x') : 'none'
    if (received !== expected) throw invalidModel(`output ${name}`, expected, received)
  }
  return new Yunet(new SizedNetwork(graph, weights, options), metadata.fingerprint)
}

class Yunet extends NetworkDetector {
  readonly name = 'yunet'

  constructor(
    private readonly network: SizedNetwork,
    fingerprint: string,
  ) {
    super([network], fingerprint)
  }

  smallestFace({ width, height }: { width: number; height: number }): number {
    return smallestFace * Math.max(1, Math.max(width, height) / usualLongest)
  }

  async [detectInPlace](images: readonly RgbImage[], options: DetectOptions): Promise<DetectedFace[][]> {
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
        found[look.image]!.push(...decode(named, n, look.scaled, scoreThreshold))
      })
    }
    return found.map((faces, i) => bestFaces(faces, overlapLimit, minPixels(minSize, images[i]!)))
  }
}

/** The faces of image `n` of a batch, in pixels of the photograph. */
function* decode(
  outputs: ReadonlyMap<string, Float32Array>,
  n: number,
  scaled: ScaledImage,
  scoreThreshold: number,
): Generator<DetectedFace> {
  const { height, width, shrink, left, top } = scaled
  for (const stride of strides) {
    const columns = width / stride
    const cells = columns * (height / stride)
    const [cls, obj, bbox, kps] = ['cls', 'obj', 'bbox', 'kps'].map((head) => outputs.get(`${head}_${stride}`)!)
    for (let cell = 0; cell < cells; cell++) {
      const at = n * cells + cell
      const score = Math.sqrt(cls![at]! * obj![at]!)
      if (!(score >= scoreThreshold)) continue
      const [column, row] = [cell % columns, Math.floor(cell / columns)]
      const [boxWidth, boxHeight] = [Math.exp(bbox![4 * at + 2]!) * stride, Math.exp(bbox![4 * at + 3]!) * stride]
      const x = (column + bbox![4 * at]!) * stride - boxWidth / 2
      const y = (row + bbox![4 * at + 1]!) * stride - boxHeight / 2
      const box = unscaledBox({ x, y, width: boxWidth, height: boxHeight }, scaled)
      if (!box) continue
      const points = Array.from(kps!.subarray(10 * at, 10 * at + 10), (offset, i) =>
        unscaled((offset + (i % 2 === 0 ? column : row)) * stride + (i % 2 === 0 ? left : top), shrink),
      )
      yield { score, points, box }
    }
  }
}
