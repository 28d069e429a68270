/** ONNX files: graphs of any nodes on any constants, and the bytes of a sound one with changes. */
import fc from 'fast-check'
import { lowerModel } from '../../../lib/convert/importers/lower.js'
import { parseOnnx } from '../../../lib/convert/importers/onnx.js'
import { encodeOnnx, type OnnxTensor } from '../../support/onnx_writer.js'
import { changed, target } from '../target.js'

const lowered = (bytes: Uint8Array) => lowerModel(parseOnnx(bytes), { mean: 0, size: [6, 6] })

const ops = [
  ...[
    'Abs',
    'Add',
    'And',
    'AveragePool',
    'BatchNormalization',
    'Cast',
    'Ceil',
    'Clip',
    'Concat',
    'Constant',
    'ConstantOfShape',
    'Conv',
  ],
  ...[
    'Cos',
    'CumSum',
    'DequantizeLinear',
    'Div',
    'Dropout',
    'Elu',
    'Erf',
    'Equal',
    'Exp',
    'Expand',
    'Flatten',
    'Floor',
    'Gather',
    'Gelu',
  ],
  ...[
    'Gemm',
    'GlobalAveragePool',
    'GlobalMaxPool',
    'HardSigmoid',
    'Identity',
    'InstanceNormalization',
    'LayerNormalization',
    'LRN',
  ],
  ...[
    'LeakyRelu',
    'Less',
    'Log',
    'LpNormalization',
    'LpPool',
    'MatMul',
    'Max',
    'MaxPool',
    'Min',
    'Mod',
    'Mul',
    'Neg',
    'Not',
    'PRelu',
    'Pad',
  ],
  ...[
    'Pow',
    'QuantizeLinear',
    'Range',
    'Reciprocal',
    'ReduceL2',
    'ReduceMax',
    'ReduceMean',
    'ReduceSum',
    'ReduceProd',
    'Relu',
    'Reshape',
  ],
  ...[
    'Resize',
    'Selu',
    'Shape',
    'Sigmoid',
    'Sin',
    'Size',
    'Slice',
    'Softmax',
    'Softplus',
    'Split',
    'Sqrt',
    'Squeeze',
    'Sub',
    'Sum',
    'Tanh',
  ],
  ...['Tile', 'Transpose', 'Unsqueeze', 'Where', 'constructor'],
]
const integers = [0, 1, 2, 3, 4, -1, -2, 7, 255, 65_536, 2 ** 24, 2 ** 31, 2 ** 53]
const whole = fc.constantFrom(...integers)
const attributes = fc.dictionary(
  fc.constantFrom(
    ...[
      'axis',
      'axes',
      'perm',
      'pads',
      'kernel_shape',
      'strides',
      'dilations',
      'group',
      'keepdims',
      'to',
      'mode',
      'auto_pad',
      'epsilon',
    ],
    ...[
      'alpha',
      'beta',
      'transB',
      'num_outputs',
      'split',
      'allowzero',
      'start',
      'end',
      'ceil_mode',
      'size',
      'bias',
      'p',
      'value_ints',
      'value_float',
    ],
  ),
  fc.oneof(
    whole,
    fc.array(whole, { maxLength: 6 }),
    fc.constantFrom('SAME_UPPER', 'VALID', 'edge', 'reflect', 'nearest', ''),
    fc.double({ noDefaultInfinity: true }).map((float) => ({ float: Math.fround(float) })),
  ),
  { maxKeys: 1 },
)
/** Of a graph in their order: `x` is the image, `c0`, ... are constants, `n0`, ... what nodes make. */
const names = fc.oneof(
  fc.constantFrom('x', 'x', 'x', ''),
  fc.nat(4).map((i) => `c${i}`),
  fc.nat(7).map((i) => `n${i}`),
)
const nodes = fc.record({
  op: fc.constantFrom(...ops),
  inputs: fc.array(names, { minLength: 1, maxLength: 3 }),
  attributes: fc.oneof(fc.constant({}), attributes),
})

const extents = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
const sizes = fc.array(whole, { maxLength: 5 })
const tensors: fc.Arbitrary<OnnxTensor> = fc.oneof(
  extents.map((shape) => {
    const data = Float32Array.from({ length: shape.reduce((product, extent) => product * extent, 1) }, (_, i) => i - 1)
    return { shape, data }
  }),
  sizes.map((values) => ({ shape: [values.length], data: BigInt64Array.from(values, BigInt) })),
  whole.map((value) => ({ shape: [], data: BigInt64Array.of(BigInt(value)) })),
  fc
    .tuple(sizes, fc.constantFrom(1, 2, 7, 9, 10, 16, 99))
    .map(([shape, type]) => ({ shape, data: new Uint8Array(8), type })),
)

const graphs = fc
  .record({
    opset: fc.constantFrom(5, 6, 9, 11, 13, 13, 17, 17, 17, 18, 20, 23, 26),
    nodes: fc.array(nodes, { minLength: 1, maxLength: 5 }),
    tensors: fc.array(tensors, { minLength: 5, maxLength: 5 }),
    input: fc.constantFrom<number[]>([1, 3, 6, 6], [0, 3, 0, 0], [1, 6, 6, 3], [3, 6, 6], [2, 1, 4, 4]),
  })
  .map(({ opset, nodes, tensors, input }) =>
    encodeOnnx({
      opset,
      nodes: nodes.map((node, i) => ({ ...node, outputs: [`n${i}`] })),
      initializers: Object.fromEntries(tensors.map((tensor, i) => [`c${i}`, tensor])),
      inputs: { x: input },
      outputs: [`n${nodes.length - 1}`],
    }),
  )

const sound = encodeOnnx({
  opset: 17,
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'], attributes: { kernel_shape: [3, 3] } },
    { op: 'Relu', inputs: ['c'], outputs: ['r'] },
    { op: 'Reshape', inputs: ['r', 's'], outputs: ['f'] },
    { op: 'Gemm', inputs: ['f', 'g'], outputs: ['y'] },
  ],
  initializers: {
    w: { shape: [4, 3, 3, 3], data: new Float32Array(108).fill(0.1) },
    s: { shape: [2], data: BigInt64Array.of(0n, -1n) },
    g: { shape: [64, 4], data: new Float32Array(256).fill(0.1) },
  },
  inputs: { x: [0, 3, 6, 6] },
  outputs: ['y'],
})
lowered(sound)

export const onnx = [target('onnx', graphs, lowered, 1500), target('onnx-bytes', changed(sound), lowered, 500)]
