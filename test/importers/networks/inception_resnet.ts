/**
 * facenet's Inception-ResNet-v1 with random weights, module by module: as an ONNX graph, and its weights by the names that
 * facenet-pytorch, TensorFlow and Keras give them.
 */
import type { Array32 } from '../pickle_writer.js'
import { dynamo, GraphWriter, type Made } from './graph_writer.js'

/** Where a layer stands: in a PyTorch module, in a TensorFlow scope, among Keras' layers. */
interface Names {
  torch: string
  tensorflow: string
  keras: string
}

const below = ({ torch, tensorflow, keras }: Names, module: string, scope: string): Names => ({
  torch: `${torch}.${module}`,
  tensorflow: `${tensorflow}/${scope}`,
  keras: `${keras}_${scope.replace('/', '_')}`,
})

export interface Weights {
  torch: Record<string, Array32>
  tensorflow: Record<string, Array32>
  /** By layer and variable. */
  keras: Record<string, Array32>
}

export interface InceptionResnet {
  onnx: Uint8Array
  weights: Weights
}

interface Options {
  dimensions: number
  /** Whether normalisations multiply: PyTorch's can, TensorFlow's and Keras' do not. */
  scales: boolean
}

type Kernel = readonly [number, number]
/** Module and scope of a convolution, its channels, its kernel; stride and padding of PyTorch. */
type Conv = readonly [module: string, scope: string, out: number, kernel: Kernel, stride?: number, pad?: Kernel]

export function inceptionResnet(options: Options): InceptionResnet {
  const net = new Writer(options)
  let x = net.image
  for (const [name, out, kernel, stride, pad] of [
    ['1a', 32, 3, 2, 0],
    ['2a', 32, 3, 1, 0],
    ['2b', 64, 3, 1, 1],
    ['3a', 0, 0, 0, 0],
    ['3b', 80, 1, 1, 0],
    ['4a', 192, 3, 1, 0],
    ['4b', 256, 3, 2, 0],
  ] as const) {
    const scope = `Conv2d_${name}_${kernel}x${kernel}`
    const names = { torch: `conv2d_${name}`, tensorflow: `InceptionResnetV1/${scope}`, keras: scope }
    x = out === 0 ? net.maxPool(x) : net.basicConv(x, names, out, [kernel, kernel], stride, [pad, pad])
  }
  for (let i = 0; i < 5; i++)
    x = net.residual(x, blockNames('repeat_1', 'Repeat/block35', 'Block35', i), block35, 0.17, true)
  x = net.reduction(x, mixedNames('6a'), mixed6a)
  for (let i = 0; i < 10; i++)
    x = net.residual(x, blockNames('repeat_2', 'Repeat_1/block17', 'Block17', i), block17, 0.1, true)
  x = net.reduction(x, mixedNames('7a'), mixed7a)
  for (let i = 0; i < 5; i++)
    x = net.residual(x, blockNames('repeat_3', 'Repeat_2/block8', 'Block8', i), block8, 0.2, true)
  const last = { torch: 'block8', tensorflow: 'InceptionResnetV1/Block8', keras: 'Block8_6' }
  return net.finish(net.residual(x, last, block8, 1, false))
}

const blockNames = (module: string, scope: string, layer: string, i: number): Names => ({
  torch: `${module}.${i}`,
  tensorflow: `InceptionResnetV1/${scope}_${i + 1}`,
  keras: `${layer}_${i + 1}`,
})
const mixedNames = (name: string): Names => ({
  torch: `mixed_${name}`,
  tensorflow: `InceptionResnetV1/Mixed_${name}`,
  keras: `Mixed_${name}`,
})

const block35: readonly (readonly Conv[])[] = [
  [['branch0', 'Branch_0/Conv2d_1x1', 32, [1, 1]]],
  [
    ['branch1.0', 'Branch_1/Conv2d_0a_1x1', 32, [1, 1]],
    ['branch1.1', 'Branch_1/Conv2d_0b_3x3', 32, [3, 3], 1, [1, 1]],
  ],
  [
    ['branch2.0', 'Branch_2/Conv2d_0a_1x1', 32, [1, 1]],
    ['branch2.1', 'Branch_2/Conv2d_0b_3x3', 32, [3, 3], 1, [1, 1]],
    ['branch2.2', 'Branch_2/Conv2d_0c_3x3', 32, [3, 3], 1, [1, 1]],
  ],
]
const block17: readonly (readonly Conv[])[] = [
  [['branch0', 'Branch_0/Conv2d_1x1', 128, [1, 1]]],
  [
    ['branch1.0', 'Branch_1/Conv2d_0a_1x1', 128, [1, 1]],
    ['branch1.1', 'Branch_1/Conv2d_0b_1x7', 128, [1, 7], 1, [0, 3]],
    ['branch1.2', 'Branch_1/Conv2d_0c_7x1', 128, [7, 1], 1, [3, 0]],
  ],
]
const block8: readonly (readonly Conv[])[] = [
  [['branch0', 'Branch_0/Conv2d_1x1', 192, [1, 1]]],
  [
    ['branch1.0', 'Branch_1/Conv2d_0a_1x1', 192, [1, 1]],
    ['branch1.1', 'Branch_1/Conv2d_0b_1x3', 192, [1, 3], 1, [0, 1]],
    ['branch1.2', 'Branch_1/Conv2d_0c_3x1', 192, [3, 1], 1, [1, 0]],
  ],
]
const mixed6a: readonly (readonly Conv[])[] = [
  [['branch0', 'Branch_0/Conv2d_1a_3x3', 384, [3, 3], 2]],
  [
    ['branch1.0', 'Branch_1/Conv2d_0a_1x1', 192, [1, 1]],
    ['branch1.1', 'Branch_1/Conv2d_0b_3x3', 192, [3, 3], 1, [1, 1]],
    ['branch1.2', 'Branch_1/Conv2d_1a_3x3', 256, [3, 3], 2],
  ],
]
const mixed7a: readonly (readonly Conv[])[] = [
  [
    ['branch0.0', 'Branch_0/Conv2d_0a_1x1', 256, [1, 1]],
    ['branch0.1', 'Branch_0/Conv2d_1a_3x3', 384, [3, 3], 2],
  ],
  [
    ['branch1.0', 'Branch_1/Conv2d_0a_1x1', 256, [1, 1]],
    ['branch1.1', 'Branch_1/Conv2d_1a_3x3', 256, [3, 3], 2],
  ],
  [
    ['branch2.0', 'Branch_2/Conv2d_0a_1x1', 256, [1, 1]],
    ['branch2.1', 'Branch_2/Conv2d_0b_3x3', 256, [3, 3], 1, [1, 1]],
    ['branch2.2', 'Branch_2/Conv2d_1a_3x3', 256, [3, 3], 2],
  ],
]

class Writer extends GraphWriter {
  private readonly records: Weights = { torch: {}, tensorflow: {}, keras: {} }

  constructor(private readonly options: Options) {
    super(dynamo, [160, 160])
  }

  basicConv(x: Made, names: Names, out: number, kernel: Kernel, stride = 1, pad: Kernel = [0, 0]): Made {
    const conv = this.convolution(x, { ...names, torch: `${names.torch}.conv` }, out, kernel, stride, pad)
    const normed = this.norm(conv, { ...names, torch: `${names.torch}.bn` })
    return this.apply('Relu', normed, {}, { power: normed.power / 2 })
  }

  maxPool(x: Made): Made {
    const [channels, height, width] = x.shape as readonly [number, number, number]
    const shape = [channels, Math.floor((height - 3) / 2) + 1, Math.floor((width - 3) / 2) + 1] as const
    return this.apply('MaxPool', x, { kernel_shape: { ints: [3, 3] }, strides: { ints: [2, 2] } }, { shape })
  }

  residual(x: Made, names: Names, branches: typeof block35, scale: number, relu: boolean): Made {
    const mixed = this.concat(branches.map((branch) => this.branch(x, names, branch)))
    const projection = below(names, 'conv2d', 'Conv2d_1x1')
    const up = this.convolution(mixed, projection, x.shape[0], [1, 1], 1, [0, 0], true)
    const scaled = this.node('Mul', [up.name, this.number(scale)])
    const sum = { ...x, name: this.node('Add', [scaled, x.name]), power: x.power + scale * scale }
    return relu ? this.apply('Relu', sum, {}, { power: sum.power * 0.7 }) : sum
  }

  reduction(x: Made, names: Names, branches: typeof block35): Made {
    return this.concat([...branches.map((branch) => this.branch(x, names, branch)), this.maxPool(x)])
  }

  finish(x: Made): InceptionResnet {
    const { dimensions } = this.options
    const pooled = this.apply('GlobalAveragePool', x, {}, { shape: [x.shape[0], 1, 1], power: x.power / 2 })
    const flat = this.apply('Flatten', pooled, { axis: { int: 1 } }, { shape: [x.shape[0]] })
    const shape = [dimensions, x.shape[0]]
    const values = this.random(shape, 1 / Math.sqrt(x.shape[0] * flat.power))
    const matrix = transposed(values, dimensions)
    this.records.torch['last_linear.weight'] = { shape, data: values }
    this.records.tensorflow['InceptionResnetV1/Bottleneck/weights'] = { shape: shape.toReversed(), data: matrix }
    this.records.keras['Bottleneck/kernel'] = { shape: shape.toReversed(), data: matrix }
    const linear = this.node('Gemm', [flat.name, this.weights(shape, values)], { transB: { int: 1 } })
    const names = { torch: 'last_bn', tensorflow: 'InceptionResnetV1/Bottleneck', keras: 'Bottleneck' }
    const normed = this.norm({ name: linear, shape: [dimensions], power: 1 }, names)
    const length = this.builder.reduce('ReduceL2', 'length', normed.name, [1], true)
    const unit = this.apply('Div', normed, {}, { inputs: [length] })
    return { onnx: this.encode(unit), weights: this.records }
  }

  private branch(x: Made, names: Names, convs: readonly Conv[]): Made {
    return convs.reduce(
      (y, [module, scope, out, kernel, stride, pad]) =>
        this.basicConv(y, below(names, module, scope), out, kernel, stride, pad),
      x,
    )
  }

  private concat(parts: Made[]): Made {
    const [, height, width] = parts[0]!.shape as readonly [number, number, number]
    const inputs = parts.map(({ name }) => name)
    const channels = parts.reduce((sum, { shape }) => sum + shape[0], 0)
    const power = parts.reduce((sum, part) => sum + part.power, 0) / parts.length
    return { name: this.node('Concat', inputs, { axis: { int: 1 } }), shape: [channels, height, width], power }
  }

  private convolution(
    x: Made,
    names: Names,
    out: number,
    kernel: Kernel,
    stride: number,
    pad: Kernel,
    bias = false,
  ): Made {
    const [channels, height, width] = x.shape as readonly [number, number, number]
    const [rows, columns] = kernel
    const shape = [out, channels, rows, columns]
    const values = this.random(shape, 1 / Math.sqrt(channels * rows * columns * x.power))
    // Height, width, in, out.
    const last = { shape: [rows, columns, channels, out], data: channelsLast(values, out, channels, rows * columns) }
    this.record(names, ['weight', 'weights', 'kernel'], { shape, data: values }, last)
    const inputs = [x.name, this.weights(shape, values)]
    if (bias) {
      const shift = this.random([out], 0.1)
      this.record(names, ['bias', 'biases', 'bias'], { shape: [out], data: shift })
      inputs.push(this.weights([out], shift))
    }
    const name = this.node('Conv', inputs, {
      kernel_shape: { ints: kernel },
      strides: { ints: [stride, stride] },
      pads: { ints: [...pad, ...pad] },
    })
    const extent = (size: number, axis: 0 | 1) => Math.floor((size + 2 * pad[axis] - kernel[axis]) / stride) + 1
    return { name, shape: [out, extent(height, 0), extent(width, 1)], power: 1 }
  }

  private norm(x: Made, names: Names): Made {
    const [channels] = x.shape
    const shape = [channels]
    const scale = this.options.scales ? this.random(shape, 0.2, 1) : new Float32Array(channels).fill(1)
    const [shift, mean, variance] = [this.random(shape, 0.1), this.random(shape, 0.1), this.random(shape, 0.2, 1)]
    this.records.torch[`${names.torch}.weight`] = { shape, data: scale }
    const norms = { ...names, tensorflow: `${names.tensorflow}/BatchNorm`, keras: `${names.keras}_BatchNorm` }
    this.record(norms, ['bias', 'beta', 'beta'], { shape, data: shift })
    this.record(norms, ['running_mean', 'moving_mean', 'moving_mean'], { shape, data: mean })
    this.record(norms, ['running_var', 'moving_variance', 'moving_variance'], { shape, data: variance })
    const inputs = [scale, shift, mean, variance].map((values) => this.weights(shape, values))
    return this.apply('BatchNormalization', x, { epsilon: { float: 1e-3 } }, { inputs })
  }

  private record(
    names: Names,
    [torch, tensorflow, keras]: readonly [string, string, string],
    first: Array32,
    last = first,
  ) {
    this.records.torch[`${names.torch}.${torch}`] = first
    this.records.tensorflow[`${names.tensorflow}/${tensorflow}`] = last
    this.records.keras[`${names.keras}/${keras}`] = last
  }
}

/** Rows x columns as columns x rows. */
function transposed(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!)
}

/** Out, in, pixel as pixel, in, out. */
function channelsLast(values: Float32Array, out: number, input: number, pixels: number): Float32Array {
  return values.map((_, i) => {
    const [o, c, pixel] = [i % out, Math.floor(i / out) % input, Math.floor(i / (out * input))]
    return values[(o * input + c) * pixels + pixel]!
  })
}
