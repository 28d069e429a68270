/** Builds networks as exporters write them, layer by layer, with seeded weights. Each method takes and returns names. */
import { encodeOnnx, type OnnxNode, type OnnxTensor } from './onnx_writer.js'
import { normals, type Random, seeded } from './random.js'

interface Convolution {
  kernel?: number
  stride?: number
  groups?: number
  /** He's initialisation unless told, times `gain`. */
  weights?: Float32Array
  gain?: number
  bias?: ArrayLike<number>
}

export class OnnxNetwork {
  readonly nodes: OnnxNode[] = []
  readonly initializers: Record<string, OnnxTensor> = {}
  readonly outputs: string[] = []
  private readonly shapes: Record<string, number[]> = {}
  private readonly channels = new Map<string, number>()
  private readonly random: Random
  private count = 0

  constructor(seed: number) {
    this.random = seeded(seed)
    this.channels.set('x', 3)
  }

  channelsOf(name: string): number {
    return this.channels.get(name)!
  }

  /** Numbered, as PyTorch's exporter names what it makes. */
  op(
    op: string,
    inputs: string[],
    attributes: OnnxNode['attributes'] = {},
    channels = this.channels.get(inputs[0]!),
  ): string {
    const output = String(100 + this.count++)
    this.nodes.push({ op, inputs, outputs: [output], attributes })
    if (channels !== undefined) this.channels.set(output, channels)
    return output
  }

  floats(shape: number[], data: Float32Array): string {
    const name = `weight${Object.keys(this.initializers).length}`
    this.initializers[name] = { shape, data }
    return name
  }

  ints(...values: number[]): string {
    const name = `constant${Object.keys(this.initializers).length}`
    this.initializers[name] = { shape: [values.length], data: BigInt64Array.from(values, BigInt) }
    return name
  }

  /** Padded so that only the stride makes the image smaller. */
  conv(
    x: string,
    out: number,
    { kernel = 3, stride = 1, groups = 1, gain = 1, weights, bias }: Convolution = {},
  ): string {
    const shape = [out, this.channelsOf(x) / groups, kernel, kernel]
    const fan = shape[1]! * kernel ** 2
    const weight = this.floats(shape, weights ?? normals(out * fan, this.random, gain * Math.sqrt(2 / fan)))
    const shift = this.floats([out], bias ? Float32Array.from(bias) : normals(out, this.random, 0.1))
    const pad = kernel === stride ? 0 : (kernel - 1) / 2
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      group: groups,
      dilations: [1, 1],
    }
    return this.op('Conv', [x, weight, shift], attributes, out)
  }

  relu(x: string): string {
    return this.op('Relu', [x])
  }

  leaky(x: string, alpha = 0.1): string {
    return this.op('LeakyRelu', [x], { alpha: { float: alpha } })
  }

  add(a: string, b: string): string {
    return this.op('Add', [a, b])
  }

  concat(inputs: string[], axis: number): string {
    const channels = axis === 1 ? inputs.reduce((sum, x) => sum + this.channelsOf(x), 0) : this.channelsOf(inputs[0]!)
    return this.op('Concat', inputs, { axis }, channels)
  }

  /** `F.interpolate(x, size=like.shape[2:], mode='nearest')` */
  resizeLike(x: string, like: string): string {
    const cut = (of: string, from: number, to: number) =>
      this.op('Slice', [this.op('Shape', [of]), this.ints(from), this.ints(to), this.ints(0)])
    const sizes = this.op('Concat', [cut(x, 0, 2), cut(like, 2, 4)], { axis: 0 })
    const none = this.floats([0], new Float32Array(0))
    const attributes = {
      coordinate_transformation_mode: 'asymmetric',
      cubic_coeff_a: { float: -0.75 },
      mode: 'nearest',
      nearest_mode: 'floor',
    }
    return this.op('Resize', [x, none, none, sizes], attributes)
  }

  /** `x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, last)` */
  rows(x: string, last: number): string {
    const transposed = this.op('Transpose', [x], { perm: [0, 2, 3, 1] })
    const batch = this.op('Gather', [this.op('Shape', [x]), this.ints(0)], { axis: 0 })
    const shape = this.op('Concat', [batch, this.ints(-1), this.ints(last)], { axis: 0 })
    return this.op('Reshape', [transposed, shape])
  }

  /** Of the last node with this output. */
  rename(from: string, to: string): string {
    const { outputs } = this.nodes.findLast((node) => node.outputs[0] === from)!
    outputs[0] = to
    return to
  }

  /** `shape`: as the file states it, 0 for an open dimension. */
  output(name: string, shape: number[]): void {
    this.outputs.push(name)
    this.shapes[name] = shape
  }

  bytes(input: number[], opset = 11): Uint8Array {
    const { nodes, initializers, outputs, shapes: outputShapes } = this
    return encodeOnnx({ opset, nodes, initializers, inputs: { x: input }, outputs, outputShapes })
  }
}
