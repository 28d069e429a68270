/**
 * The face detector that `@vladmandic/face-api` (MIT) carries in its folder `model`, in 8 bits: `tiny_face_detector`, a YOLOv2 of
 * separable convolutions, and `face_landmark_68`, which finds 68 points of one face. The manifests hold names and no graphs,
 * so the two networks are built here.
 *
 * Separable convolutions are stored as H x W x C x 1 and 1 x 1 x I x O filters, others as H x W x I x O.
 */
import { join } from 'node:path'
import type { GraphDescription, GraphNode, Padding } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import type { DetectorContents } from '../../files/model/detector_file.js'
import { f32Tensor, type Tensor } from '../../files/model/tensor.js'
import { outputShape, type Shape } from '../networks/shapes.js'
import { outputsFirst, readTfjsWeights } from './tfjs.js'

/** Boxes that each cell of the detector proposes, and what it says of each: x, y, width, height, score. */
export const anchorCount = 5
export const valuesPerAnchor = 5
/** x and y of each of the 68 points, as shares of the input's side. */
export const landmarkValues = 2 * 68

/** `folder`: `node_modules/@vladmandic/face-api/model`. Throws ERR_FACENET_MODEL_INVALID where it holds other weights. */
export async function importFaceApi(folder: string): Promise<DetectorContents> {
  const read = (name: string) => readTfjsWeights(join(folder, `${name}_model-weights_manifest.json`))
  const tensors = new Map<string, Tensor>()
  const detect = tinyFaceDetector(new TfjsNetwork('detect', await read('tiny_face_detector'), tensors, 416))
  const landmarks = faceLandmark68(new TfjsNetwork('landmarks', await read('face_landmark_68'), tensors, 112))
  return {
    detector: 'face-api',
    graphs: { detect, landmarks },
    tensors,
    license: 'MIT',
    source: 'npm @vladmandic/face-api, tiny_face_detector and face_landmark_68',
  }
}

/**
 * Seven layers that halve the image five times. The first convolution is not padded, and the pools pad an odd side at its end,
 * as TensorFlow's `same` does: for any input whose sides are multiples of 32 that is after the first pool only.
 */
function tinyFaceDetector(network: TfjsNetwork): GraphDescription {
  let x = network.preprocess([117.001, 114.697, 97.404])
  x = network.leaky(network.convolution('conv0', x, { padding: [0, 0, 0, 0] }))
  for (const layer of [1, 2, 3, 4, 5]) {
    x = network.maxPool(`pool${layer}`, x, 2, layer === 2 ? [0, 0, 1, 1] : [0, 0, 0, 0])
    x = network.leaky(network.separable(`conv${layer}`, x, { padding: [1, 1, 1, 1] }))
  }
  x = network.maxPool('pool6', x, 1, [0, 0, 1, 1])
  return network.finish(network.convolution('conv8', x, { padding: [0, 0, 0, 0] }), anchorCount * valuesPerAnchor)
}

/** Four blocks of four convolutions; within a block, each is fed the sum of all before it. */
function faceLandmark68(network: TfjsNetwork): GraphDescription {
  let x = network.preprocess([122.782, 117.001, 104.298])
  for (const block of ['dense0', 'dense1', 'dense2', 'dense3']) {
    const halving = { stride: 2, padding: [0, 0, 1, 1] } as const
    const first = `${block}/conv0`
    let sum = network.relu(
      block === 'dense0' ? network.convolution(first, x, halving) : network.separable(first, x, halving),
    )
    x = sum
    for (const layer of [1, 2, 3]) {
      const next = network.separable(`${block}/conv${layer}`, x, { padding: [1, 1, 1, 1] })
      sum = network.add(`${block}/sum${layer}`, sum, next)
      x = network.relu(sum)
    }
  }
  return network.finish(network.matrix('fc', network.average('average', x, 7)), landmarkValues)
}

type NewNode = GraphNode extends infer Node ? (Node extends GraphNode ? Omit<Node, 'inputs' | 'name'> : never) : never
type WindowOptions = { stride?: number; padding: Padding }

/** Builds a graph layer by layer; each method takes and returns the name of an activation. */
class TfjsNetwork {
  private readonly nodes: GraphNode[] = []
  private readonly shapes = new Map<string, Shape>()

  /** `tensors` get the names of the weights behind `name/`. */
  constructor(
    private readonly name: string,
    private readonly values: ReadonlyMap<string, Tensor>,
    private readonly tensors: Map<string, Tensor>,
    private readonly size: number,
  ) {
    this.shapes.set('image', [size, size, 3])
  }

  /** (pixel - mean) / 255, red, green, blue. */
  preprocess(mean: number[]): string {
    const attributes = { mode: 'fixed' as const, color: 'rgb' as const, mean, scale: [1 / 255] }
    return this.append('preprocess', { op: 'preprocess', attributes }, 'image')
  }

  convolution(name: string, x: string, window: WindowOptions): string {
    return this.conv(name, `${name}/filters`, x, window, `${name}/bias`)
  }

  /** Each channel by itself, then all channels of each pixel. */
  separable(name: string, x: string, window: WindowOptions): string {
    const [height, width, channels, multiplier] = this.take(`${name}/depthwise_filter`, 4).shape
    const values = this.take(`${name}/depthwise_filter`, 4).data
    const ofChannel = outputsFirst(values, [height! * width!, 1, channels! * multiplier!])
    if (multiplier !== 1 || channels !== this.shapes.get(x)![2]) {
      throw this.misfit(`${name}/depthwise_filter`, `H x W x ${this.shapes.get(x)![2]} x 1`)
    }
    const weight = this.put(`${name}/depthwise.weight`, [channels, 1, height!, width!], ofChannel)
    const attributes = {
      ...windowOf([height!, width!], window),
      outChannels: channels,
      groups: channels,
    }
    const depthwise = this.append(`${name}/depthwise`, { op: 'conv2d', attributes, tensors: { weight } }, x)
    return this.conv(name, `${name}/pointwise_filter`, depthwise, { padding: [0, 0, 0, 0] }, `${name}/bias`)
  }

  private conv(name: string, filters: string, x: string, window: WindowOptions, bias: string): string {
    const { shape, data } = this.take(filters, 4)
    const [height, width, inputs, outChannels] = shape as [number, number, number, number]
    if (inputs !== this.shapes.get(x)![2]) throw this.misfit(filters, `H x W x ${this.shapes.get(x)![2]} x O`)
    const values = outputsFirst(data, [height * width, inputs, outChannels])
    const attributes = { ...windowOf([height, width], window), outChannels }
    const tensors = {
      weight: this.put(`${name}.weight`, [outChannels, inputs, height, width], values),
      bias: this.vector(bias, `${name}.bias`, outChannels),
    }
    return this.append(name, { op: 'conv2d', attributes, tensors }, x)
  }

  /** x below zero is multiplied by 0.1. */
  leaky(x: string): string {
    const slope = this.put('leaky.slope', [1], Float32Array.of(0.1))
    return this.append(`${x}/leaky`, { op: 'prelu', tensors: { slope } }, x)
  }

  relu(x: string): string {
    return this.append(`${x}/relu`, { op: 'relu' }, x)
  }

  add(name: string, a: string, b: string): string {
    return this.append(name, { op: 'add' }, a, b)
  }

  maxPool(name: string, x: string, stride: number, padding: Padding): string {
    return this.append(name, { op: 'max_pool', attributes: windowOf([2, 2], { stride, padding }) }, x)
  }

  average(name: string, x: string, side: number): string {
    const attributes = windowOf([side, side], { stride: 2, padding: [0, 0, 0, 0] })
    return this.append(name, { op: 'avg_pool', attributes }, x)
  }

  matrix(name: string, x: string): string {
    const { shape, data } = this.take(`${name}/weights`, 2)
    const [features, outFeatures] = shape as [number, number]
    const [height, width, channels] = this.shapes.get(x)!
    if (features !== height * width * channels) throw this.misfit(`${name}/weights`, `${height * width * channels} x O`)
    const weight = this.put(`${name}.weight`, [outFeatures, features], outputsFirst(data, [1, features, outFeatures]))
    const tensors = { weight, bias: this.vector(`${name}/bias`, `${name}.bias`, outFeatures) }
    return this.append(name, { op: 'fully_connected', attributes: { outFeatures, order: 'hwc' }, tensors }, x)
  }

  finish(output: string, channels: number): GraphDescription {
    const [, , received] = this.shapes.get(output)!
    if (received !== channels) throw invalidModel(`channels of ${this.name}/${output}`, `${channels}`, received)
    const input = { name: 'image', height: this.size, width: this.size, channels: 3, dtype: 'u8' } as const
    return { name: this.name, input, nodes: this.nodes, outputs: [output] }
  }

  private append(name: string, node: NewNode, ...inputs: string[]): string {
    const made = { ...node, name, inputs } as GraphNode
    const shape = outputShape(
      made,
      inputs.map((input) => this.shapes.get(input)!),
    )
    this.nodes.push(made)
    this.shapes.set(name, shape)
    return name
  }

  private take(name: string, rank: number): Tensor & { dtype: 'f32' } {
    const tensor = this.values.get(name)
    if (tensor?.dtype !== 'f32') throw invalidModel('manifest', `${this.name} with the weight ${name}`, 'none')
    if (tensor.shape.length !== rank) throw this.misfit(name, `${rank} dimensions`)
    return tensor
  }

  private misfit(name: string, expected: string) {
    return invalidModel(`shape of ${name}`, expected, this.values.get(name)!.shape.join('x'))
  }

  private vector(name: string, as: string, length: number): string {
    const { shape, data } = this.take(name, 1)
    if (shape[0] !== length) throw this.misfit(name, `${length}`)
    return this.put(as, shape, data)
  }

  private put(name: string, shape: readonly number[], data: Float32Array): string {
    const key = `${this.name}/${name}`
    this.tensors.set(key, f32Tensor(shape, data))
    return key
  }
}

function windowOf(kernel: readonly [number, number], { stride = 1, padding }: WindowOptions) {
  return { kernel, stride: [stride, stride] as const, padding }
}
