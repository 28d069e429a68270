/**
 * Writes networks down as exporters do, with random weights. PyTorch's script exporter (`torch.onnx.export` up to 2.8) folds
 * batch normalisation into the convolution before it and writes functions in steps; the one of 2.9 (`dynamo`) writes opset 18
 * and newer, and flattens by a Reshape. tf2onnx, of Keras, turns the image over in front of the first layer, pads the ends of
 * an image more than its beginnings, and takes PReLU apart.
 */
import { type Attribute, OnnxBuilder } from '../../../lib/convert/exporters/onnx_builder.js'
import { seeded } from '../../support/random.js'

/** C x H x W, or one number of features. */
export interface Made {
  name: string
  shape: readonly [channels: number, height: number, width: number] | readonly [features: number]
  /**
   * About the mean of its squares: weights are scaled by it, so that values stay near 1 as they do in trained networks. Gates
   * of large values would only be 0 or 1, and what lies between would show rounding errors many times over.
   */
  power: number
}

export interface Exporter {
  kind: 'script' | 'dynamo' | 'keras'
  opset: number
  /** Whether a batch normalisation behind a convolution goes into its weights, as in a model that was set to eval. */
  foldsNorms: boolean
}

export const script: Exporter = { kind: 'script', opset: 13, foldsNorms: true }
export const scriptUnfolded: Exporter = { kind: 'script', opset: 11, foldsNorms: false }
export const keras: Exporter = { kind: 'keras', opset: 15, foldsNorms: true }
export const dynamo: Exporter = { kind: 'dynamo', opset: 20, foldsNorms: false }

export class GraphWriter {
  readonly builder: OnnxBuilder
  readonly image: Made
  protected made = 0

  constructor(
    readonly exporter: Exporter,
    readonly size: readonly [height: number, width: number] = [112, 112],
    readonly inputName = 'input',
  ) {
    this.builder = new OnnxBuilder(exporter.opset)
    const turned = () => this.node('Transpose', [inputName], { perm: { ints: [0, 3, 1, 2] } })
    this.image = { name: exporter.kind === 'keras' ? turned() : inputName, shape: [3, ...size], power: 0.5 }
  }

  /** Bytes of the file, its batch open. */
  encode(...outputs: Made[]): Uint8Array {
    const extents = this.exporter.kind === 'keras' ? [...this.size, 3] : [3, ...this.size]
    const input = { name: this.inputName, type: 'float', shape: ['batch', ...extents] } as const
    const infos = outputs.map(({ name, shape }) => ({ name, type: 'float' as const, shape: ['batch', ...shape] }))
    return this.builder.encode('main_graph', input, infos, {})
  }

  node(op: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    const number = this.made++
    return this.builder.node(
      op,
      this.exporter.kind === 'dynamo' ? `node_${number}` : `/${op}_${number}`,
      inputs,
      attributes,
    )
  }

  /** The same shape and power unless told. */
  apply(
    op: string,
    x: Made,
    attributes: Record<string, Attribute> = {},
    { inputs = [], ...more }: Partial<Made> & { inputs?: string[] } = {},
  ): Made {
    return { ...x, name: this.node(op, [x.name, ...inputs], attributes), ...more }
  }

  /** Uniform around `centre`, of this standard deviation: a generator for each, so that layers do not share values. */
  random(dims: readonly number[], deviation: number, centre = 0): Float32Array {
    const random = seeded(1000 + this.made++)
    const count = dims.reduce((product, extent) => product * extent, 1)
    const reach = deviation * Math.sqrt(3)
    return Float32Array.from({ length: count }, () => centre + (2 * random.uniform() - 1) * reach)
  }

  weights(dims: readonly number[], values: Float32Array | readonly number[]): string {
    return this.builder.floats(`onnx::Conv_${this.made++}`, dims, values)
  }

  /** A number in the graph. */
  number(value: number): string {
    return this.builder.floats(`value_${this.made++}`, [], [value])
  }

  ints(...values: number[]): string {
    return this.builder.ints(`ints_${this.made++}`, values)
  }
}
