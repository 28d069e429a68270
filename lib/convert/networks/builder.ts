/**
 * Writes a network down as a list of nodes. A `Layer` is a tensor of the network that knows its shape; each of its
 * methods appends the nodes of one layer and returns the layer they make:
 *
 *     const image = new NetworkBuilder('tiny', { height: 96, width: 96, ...style }).image
 *     const x = image.conv('conv1', 64, { kernel: 7, stride: 2 }).pool('pool1', 'max', { kernel: 3, stride: 2 })
 *
 * A layer `conv1` is the nodes `conv1` (convolution), `conv1/bn` (where the network has batch normalisation) and
 * `conv1/relu`; its tensors are `conv1.weight`, `conv1.bias`, `conv1/bn.mean` and so on.
 */
import type { GraphDescription, GraphNode, Padding } from '../../../types/graph.js'
import { outputShape, type Shape } from './shapes.js'

export type Preprocessing = Extract<GraphNode, { op: 'preprocess' }>['attributes']
export type PoolKind = 'max' | 'avg' | 'l2'

/**
 * How much a window reaches over the edge.
 * - `same`: as TensorFlow: output = ceil(input / stride), what is missing is split, the odd pixel goes last.
 * - `centred`: as Torch's and Caffe's usual floor(kernel / 2) on every side.
 * - `valid`: not at all.
 */
export type PaddingRule = 'same' | 'centred' | 'valid'

/** What all layers of one network have in common. */
export interface NetworkStyle {
  preprocessing: Preprocessing
  padding: PaddingRule
  /** null: none. `scale`: whether it multiplies by a learned scale. `bias`: whether the convolution before it keeps its own. */
  batchNorm: { epsilon: number; scale: boolean; bias: boolean } | null
  /** `none` leaves the normalisation layers out. */
  norm: 'lrn' | 'none'
  /** Whether L2 pooling takes the root of the sum or of the mean of the squares. */
  l2Pool: 'sum' | 'mean'
}

export interface WindowOptions {
  kernel?: number | readonly [height: number, width: number]
  stride?: number
  padding?: PaddingRule
}

export interface ConvOptions extends WindowOptions {
  /** false: no batch normalisation and no ReLU, as in a projection that a residual add follows. */
  activation?: boolean
}

export class NetworkBuilder {
  readonly image: Layer
  private readonly nodes: GraphNode[] = []

  constructor(
    private readonly name: string,
    private readonly size: { height: number; width: number },
    readonly style: NetworkStyle,
  ) {
    const node = { op: 'preprocess', attributes: style.preprocessing, name: 'preprocess', inputs: ['image'] } as const
    this.image = this.append({ ...node, inputs: ['image'] }, [[size.height, size.width, 3]])
  }

  append(node: GraphNode, inputs: readonly Shape[]): Layer {
    this.nodes.push(node)
    return new Layer(this, node.name, outputShape(node, inputs))
  }

  concat(name: string, branches: readonly Layer[]): Layer {
    return this.append({ op: 'concat', name, inputs: branches.map((branch) => branch.name) }, branches.map(shapeOf))
  }

  /** a + factor * b */
  add(name: string, a: Layer, b: Layer, factor: number): Layer {
    return this.append({ op: 'add', name, inputs: [a.name, b.name], attributes: { factor } }, [a.shape, b.shape])
  }

  /** The network whose output is `embedding`: the last layer at unit length. */
  finish(last: Layer): GraphDescription {
    const output = this.append({ op: 'l2_normalize', name: 'embedding', inputs: [last.name] }, [last.shape])
    const input = { name: 'image', ...this.size, channels: 3, dtype: 'u8' } as const
    return { name: this.name, input, nodes: this.nodes, outputs: [output.name] }
  }
}

const shapeOf = (layer: Layer) => layer.shape

export class Layer {
  constructor(
    readonly network: NetworkBuilder,
    readonly name: string,
    readonly shape: Shape,
  ) {}

  conv(name: string, outChannels: number, options: ConvOptions = {}): Layer {
    const { activation = true } = options
    const { batchNorm } = this.network.style
    const bias = !activation || !batchNorm || batchNorm.bias
    const conv = this.append({
      ...this.node(name),
      op: 'conv2d',
      attributes: { ...this.window(options), outChannels },
      tensors: { weight: `${name}.weight`, ...(bias && { bias: `${name}.bias` }) },
    })
    return activation ? conv.batchNorm(`${name}/bn`).relu(`${name}/relu`) : conv
  }

  /** Nothing where the network has no batch normalisation. */
  batchNorm(name: string): Layer {
    const { batchNorm } = this.network.style
    if (!batchNorm) return this
    return this.append({
      ...this.node(name),
      op: 'batch_norm',
      attributes: { epsilon: batchNorm.epsilon },
      tensors: {
        mean: `${name}.mean`,
        variance: `${name}.variance`,
        ...(batchNorm.scale && { scale: `${name}.scale` }),
        shift: `${name}.shift`,
      },
    })
  }

  relu(name: string): Layer {
    return this.append({ ...this.node(name), op: 'relu' })
  }

  pool(name: string, kind: PoolKind, options: WindowOptions): Layer {
    const mean = kind === 'l2' && this.network.style.l2Pool === 'mean'
    const attributes = { ...this.window(options), ...(mean && { mean }) }
    return this.append({ ...this.node(name), op: `${kind}_pool`, attributes })
  }

  globalAverage(name: string): Layer {
    return this.append({ ...this.node(name), op: 'global_pool', attributes: { kind: 'avg' } })
  }

  /**
   * Local response normalisation with OpenFace's constants, alpha divided by the window as in Torch; the paper gives none.
   * Nothing where the network is built without normalisation layers.
   */
  lrn(name: string): Layer {
    if (this.network.style.norm === 'none') return this
    const attributes = { size: 5, alpha: 1e-4, beta: 0.75, bias: 1, alphaPer: 'window' } as const
    return this.append({ ...this.node(name), op: 'lrn', attributes })
  }

  /** Zeros around the image up to height x width, the odd pixel last, as Torch's depth concatenation pads. */
  padTo(name: string, height: number, width: number): Layer {
    if (this.shape[0] === height && this.shape[1] === width) return this
    const [rows, columns] = [height - this.shape[0], width - this.shape[1]]
    const [top, left] = [Math.floor(rows / 2), Math.floor(columns / 2)]
    const padding: Padding = [top, left, rows - top, columns - left]
    return this.append({ ...this.node(name), op: 'zero_pad', attributes: { padding } })
  }

  fullyConnected(name: string, outFeatures: number, options: { bias?: boolean } = {}): Layer {
    const { bias = true } = options
    return this.append({
      ...this.node(name),
      op: 'fully_connected',
      attributes: { outFeatures },
      tensors: { weight: `${name}.weight`, ...(bias && { bias: `${name}.bias` }) },
    })
  }

  maxout(name: string, pieces: number): Layer {
    return this.append({ ...this.node(name), op: 'maxout', attributes: { pieces } })
  }

  /** The window in full: every side's padding as the rule gives it for this layer's size. */
  private window({ kernel = 1, stride = 1, padding = this.network.style.padding }: WindowOptions) {
    const extent = typeof kernel === 'number' ? ([kernel, kernel] as const) : kernel
    const [top, bottom] = sides(padding, this.shape[0], extent[0], stride)
    const [left, right] = sides(padding, this.shape[1], extent[1], stride)
    return { kernel: extent, stride: [stride, stride] as const, padding: [top, left, bottom, right] as const }
  }

  private node(name: string) {
    return { name, inputs: [this.name] }
  }

  private append(node: GraphNode): Layer {
    return this.network.append(node, [this.shape])
  }
}

/** Padding before and after one axis. */
function sides(rule: PaddingRule, size: number, kernel: number, stride: number): [before: number, after: number] {
  if (rule === 'valid') return [0, 0]
  if (rule === 'centred') return [Math.floor(kernel / 2), Math.floor(kernel / 2)]
  const missing = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size)
  return [Math.floor(missing / 2), Math.ceil(missing / 2)]
}
