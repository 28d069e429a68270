/** The layers of PyTorch as the nodes that exporters make of them. */
import type { Attribute } from '../../../lib/convert/exporters/onnx_builder.js'
import { GraphWriter, type Made } from './graph_writer.js'

export interface ConvOptions {
  stride?: number
  /** Each side; `kernel / 2` unless told. */
  pad?: number
  groups?: number
  bias?: boolean
}

type Kernel = number | readonly [height: number, width: number]

export class Torch extends GraphWriter {
  /** `normed` is the batch normalisation that is folded in. */
  private convolution(x: Made, out: number, kernel: Kernel, options: ConvOptions, normed?: Norm): Made {
    const { stride = 1, groups = 1, bias = false } = options
    const [channels, height, width] = x.shape as readonly [number, number, number]
    const [rows, columns] = typeof kernel === 'number' ? [kernel, kernel] : kernel
    const perGroup = channels / groups
    const dims = [out, perGroup, rows, columns]
    const values = this.random(dims, 1 / Math.sqrt(perGroup * rows * columns * x.power))
    const shift = bias ? this.random([out], 0.1) : undefined
    const inputs = [x.name]
    if (normed) {
      const { factor, offset } = normed
      const size = values.length / out
      inputs.push(
        this.weights(
          dims,
          values.map((value, i) => value * factor[Math.floor(i / size)]!),
        ),
      )
      inputs.push(
        this.weights(
          [out],
          offset.map((value, c) => value + (shift ? shift[c]! * factor[c]! : 0)),
        ),
      )
    } else {
      inputs.push(this.weights(dims, values))
      if (shift) inputs.push(this.weights([out], shift))
    }
    const [top, bottom] = this.sides(height, rows, stride, options.pad)
    const [left, right] = this.sides(width, columns, stride, options.pad)
    const name = this.node('Conv', inputs, {
      dilations: { ints: [1, 1] },
      group: { int: groups },
      kernel_shape: { ints: [rows, columns] },
      pads: { ints: [top, left, bottom, right] },
      strides: { ints: [stride, stride] },
    })
    const shape = [
      out,
      Math.floor((height + top + bottom - rows) / stride) + 1,
      Math.floor((width + left + right - columns) / stride) + 1,
    ] as const
    return { name, shape, power: normed ? gainOf(normed.statistics) : 1 }
  }

  private sides(size: number, kernel: number, stride: number, pad?: number): readonly [number, number] {
    if (pad !== undefined) return [pad, pad]
    if (this.exporter.kind !== 'keras') return [Math.floor(kernel / 2), Math.floor(kernel / 2)]
    const missing = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size)
    return [Math.floor(missing / 2), Math.ceil(missing / 2)]
  }

  conv(x: Made, out: number, kernel: Kernel, options: ConvOptions = {}): Made {
    return this.convolution(x, out, kernel, options)
  }

  /** `gain`: what the normalisation multiplies by on average, below 1 at the end of a residual branch. */
  convNorm(x: Made, out: number, kernel: Kernel, options: ConvOptions & { gain?: number } = {}): Made {
    const { gain = 1, ...rest } = options
    const statistics = this.statistics(out, gain)
    if (this.exporter.foldsNorms) return this.convolution(x, out, kernel, rest, folded(statistics))
    return this.normalized(this.convolution(x, out, kernel, rest), statistics)
  }

  batchNorm(x: Made, { gain = 1, affine = true }: { gain?: number; affine?: boolean } = {}): Made {
    const statistics = this.statistics(x.shape[0], gain)
    if (!affine) {
      statistics.scale.fill(1)
      statistics.shift.fill(0)
    }
    return this.normalized(x, statistics)
  }

  private statistics(channels: number, gain: number): Statistics {
    return {
      scale: this.random([channels], 0.2 * gain, gain),
      shift: this.random([channels], 0.1),
      mean: this.random([channels], 0.1),
      variance: this.random([channels], 0.2, 1),
    }
  }

  private normalized(x: Made, statistics: Statistics): Made {
    const { scale, shift, mean, variance } = statistics
    const stored = [scale, shift, mean, variance].map((values) => this.weights([values.length], values))
    const training: Record<string, Attribute> = this.exporter.opset >= 14 ? { training_mode: { int: 0 } } : {}
    const attributes = { epsilon: { float: epsilon }, momentum: { float: 0.9 }, ...training }
    const power = x.power * gainOf(statistics)
    return this.apply('BatchNormalization', x, attributes, { inputs: stored, power })
  }

  relu(x: Made): Made {
    return this.apply('Relu', x, {}, { power: x.power / 2 })
  }

  /** Slopes C x 1 x 1, of which PyTorch's exporter makes room for height and width. */
  prelu(x: Made): Made {
    const [channels] = x.shape
    if (this.exporter.kind === 'keras') {
      // relu(x) - slope * relu(-x)
      const slope = this.weights([channels, 1, 1], this.random([channels], 0.1, -0.25))
      const negative = this.node('Mul', [this.node('Relu', [this.node('Neg', [x.name])]), slope])
      return { ...x, name: this.node('Add', [this.node('Relu', [x.name]), negative]), power: x.power / 2 }
    }
    const slope = this.weights([channels, ...x.shape.slice(1).map(() => 1)], this.random([channels], 0.1, 0.25))
    return this.apply('PRelu', x, {}, { inputs: [slope], power: x.power / 2 })
  }

  sigmoid(x: Made): Made {
    return this.apply('Sigmoid', x, {}, { power: 0.3 })
  }

  /** relu6(x + 3) / 6 */
  hardSigmoid(x: Made): Made {
    if (this.exporter.kind === 'keras') {
      const sum = this.node('Add', [x.name, this.number(3)])
      const clipped = this.node('Clip', [sum, this.number(0), this.number(6)])
      return { ...x, name: this.node('Mul', [clipped, this.number(1 / 6)]), power: 0.3 }
    }
    return this.apply('HardSigmoid', x, { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }, { power: 0.3 })
  }

  /** The script exporter has an operator for it from opset 14 on. */
  hardSwish(x: Made): Made {
    return this.exporter.opset >= 14
      ? this.apply('HardSwish', x, {}, { power: x.power * 0.3 })
      : this.multiply(x, this.hardSigmoid(x))
  }

  maxPool(x: Made, kernel: number, stride: number): Made {
    const [channels, height, width] = x.shape as readonly [number, number, number]
    const extent = (size: number) => Math.floor((size - kernel) / stride) + 1
    const attributes = {
      ceil_mode: { int: 0 },
      dilations: { ints: [1, 1] },
      kernel_shape: { ints: [kernel, kernel] },
      pads: { ints: [0, 0, 0, 0] },
      strides: { ints: [stride, stride] },
    }
    return this.apply('MaxPool', x, attributes, { shape: [channels, extent(height), extent(width)] })
  }

  /** Of 2x2 pixels. */
  halved(x: Made): Made {
    const [channels, height, width] = x.shape as readonly [number, number, number]
    const attributes = {
      ceil_mode: { int: 0 },
      count_include_pad: { int: 1 },
      kernel_shape: { ints: [2, 2] },
      pads: { ints: [0, 0, 0, 0] },
      strides: { ints: [2, 2] },
    }
    const shape = [channels, Math.floor(height / 2), Math.floor(width / 2)] as const
    return this.apply('AveragePool', x, attributes, { shape, power: x.power / 2 })
  }

  /** `F.interpolate(x, size, mode='nearest')` */
  resized(x: Made, height: number, width: number): Made {
    const whole = this.exporter.kind === 'dynamo' ? { start: { int: 0 }, end: { int: 2 } } : undefined
    const dims = this.node('Shape', [x.name], whole)
    const front = whole ? dims : this.node('Slice', [dims, this.ints(0), this.ints(2), this.ints(0)])
    const sizes = this.node('Concat', [front, this.ints(height, width)], { axis: { int: 0 } })
    const attributes = {
      coordinate_transformation_mode: { string: 'asymmetric' },
      mode: { string: 'nearest' },
      nearest_mode: { string: 'floor' },
    }
    return this.apply('Resize', x, attributes, { inputs: ['', '', sizes], shape: [x.shape[0], height, width] })
  }

  globalAverage(x: Made): Made {
    const shape = [x.shape[0], 1, 1] as const
    if (this.exporter.kind !== 'dynamo') return this.apply('GlobalAveragePool', x, {}, { shape, power: x.power / 2 })
    const name = this.builder.reduce('ReduceMean', `node_${this.made++}`, x.name, [-1, -2], true)
    return { name, shape, power: x.power / 2 }
  }

  flatten(x: Made): Made {
    const features = x.shape.reduce((product, extent) => product * extent, 1)
    if (this.exporter.kind === 'keras') {
      // Of one pixel.
      return this.apply('Squeeze', x, {}, { inputs: [this.ints(2, 3)], shape: [features] })
    }
    if (this.exporter.kind === 'script') return this.apply('Flatten', x, { axis: { int: 1 } }, { shape: [features] })
    const batch = this.node('Shape', [x.name], { start: { int: 0 }, end: { int: 1 } })
    return this.reshape(x, this.node('Concat', [batch, this.ints(features)], { axis: { int: 0 } }), [features])
  }

  /** `x.view(x.size(0), -1)`, which asks for the size first. */
  view(x: Made): Made {
    if (this.exporter.kind === 'dynamo') return this.flatten(x)
    const size = this.node('Gather', [this.node('Shape', [x.name]), this.builder.ints(`index_${this.made++}`, [0])])
    const shape = this.node('Concat', [size, this.ints(-1)], { axis: { int: 0 } })
    return this.reshape(x, shape, [x.shape.reduce((product, extent) => product * extent, 1)])
  }

  private reshape(x: Made, shape: string, extents: Made['shape']): Made {
    const attributes: Record<string, Attribute> = this.exporter.opset >= 14 ? { allowzero: { int: 0 } } : {}
    return this.apply('Reshape', x, attributes, { inputs: [shape], shape: extents })
  }

  linear(x: Made, out: number, { bias = true } = {}): Made {
    const [features] = x.shape
    const weight = this.random([out, features], 1 / Math.sqrt(features * x.power))
    if (!bias && this.exporter.kind === 'script') {
      // MatMul takes in x out.
      const turned = Float32Array.from(weight, (_, i) => weight[(i % out) * features + Math.floor(i / out)]!)
      return { name: this.node('MatMul', [x.name, this.weights([features, out], turned)]), shape: [out], power: 1 }
    }
    const inputs = [x.name, this.weights([out, features], weight)]
    if (bias) inputs.push(this.weights([out], this.random([out], 0.1)))
    const attributes = { alpha: { float: 1 }, beta: { float: 1 }, transB: { int: 1 } }
    return { name: this.node('Gemm', inputs, attributes), shape: [out], power: 1 }
  }

  add(a: Made, b: Made): Made {
    return { name: this.node('Add', [a.name, b.name]), shape: a.shape, power: a.power + b.power }
  }

  multiply(a: Made, b: Made): Made {
    return { name: this.node('Mul', [a.name, b.name]), shape: a.shape, power: a.power * b.power }
  }

  /** `torch.cat` of channels. */
  concat(...parts: Made[]): Made {
    const [, ...extents] = parts[0]!.shape
    const channels = parts.reduce((sum, { shape }) => sum + shape[0], 0)
    const power = parts.reduce((sum, part) => sum + part.power, 0) / parts.length
    const names = parts.map(({ name }) => name)
    const name = this.node('Concat', names, { axis: { int: 1 } })
    return { name, shape: [channels, ...extents] as unknown as Made['shape'], power }
  }

  /** `x[:, :count]` */
  firstChannels(x: Made, count: number): Made {
    const bounds = [this.ints(0), this.ints(count), this.ints(1), this.ints(1)]
    const [, ...extents] = x.shape
    return this.apply('Slice', x, {}, { inputs: bounds, shape: [count, ...extents] as unknown as Made['shape'] })
  }

  /** `torch.norm(x, 2, 1, True)` and the quotient by it. */
  unit(x: Made): { norm: Made; unit: Made } {
    const norm = this.builder.reduce('ReduceL2', `norm_${this.made++}`, x.name, [1], true)
    return { norm: { name: norm, shape: [1], power: 1 }, unit: this.apply('Div', x, {}, { inputs: [norm] }) }
  }

  /** `F.normalize(x)`: the length is at least epsilon, and stretched. */
  normalize(x: Made): Made {
    const norm = this.builder.reduce('ReduceL2', `norm_${this.made++}`, x.name, [1], true)
    const bounded = this.node('Clip', [norm, this.number(1e-12)])
    const stretched = this.node('Expand', [bounded, this.node('Shape', [x.name])])
    return this.apply('Div', x, {}, { inputs: [stretched] })
  }
}

const epsilon = 1e-5

interface Statistics {
  scale: Float32Array
  shift: Float32Array
  mean: Float32Array
  variance: Float32Array
}

interface Norm {
  statistics: Statistics
  factor: Float32Array
  offset: Float32Array
}

/** What a normalisation multiplies squares by. */
const gainOf = ({ scale }: Statistics) => scale.reduce((sum, value) => sum + value * value, 0) / scale.length

function folded(statistics: Statistics): Norm {
  const { scale, shift, mean, variance } = statistics
  const factor = scale.map((value, c) => value / Math.sqrt(variance[c]! + epsilon))
  return { statistics, factor, offset: shift.map((value, c) => value - mean[c]! * factor[c]!) }
}
