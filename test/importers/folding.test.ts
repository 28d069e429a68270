/** What exporters have a file compute from constants and shapes is computed at import. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { foldConstant } from '../../lib/convert/importers/fold.js'
import type { AttributeValue, Constant } from '../../lib/convert/importers/source.js'
import type { OnnxNode } from '../support/onnx_writer.js'
import { convolution, head, importNetwork, ints, scalar, steps, weights } from './onnx_files.js'
import { floats, modelFails, node } from './support.js'

const whole = (dims: number[], values: number[]): Constant => ({ dims, data: Float64Array.from(values) })
const vector = (...values: number[]) => whole([values.length], values)
/** 0..23 as 2 x 3 x 4. */
const cube = whole([2, 3, 4], [...Array(24).keys()])

type Row = [
  op: string,
  inputs: (Constant | undefined)[],
  attributes: Record<string, AttributeValue>,
  dims: number[],
  values: number[],
]

const rows: Row[] = [
  ['Slice', [vector(0, 1, 2, 3), vector(-1), vector(-(2 ** 63)), vector(0), vector(-1)], {}, [4], [3, 2, 1, 0]],
  ['Slice', [vector(0, 1, 2, 3), vector(1), vector(2 ** 63)], {}, [3], [1, 2, 3]],
  ['Slice', [cube, vector(1, 0), vector(2, 3), vector(0, 2), vector(1, 2)], {}, [1, 3, 2], [12, 14, 16, 18, 20, 22]],
  ['Slice', [vector(0, 1, 2, 3)], { starts: [-3], ends: [-1] }, [2], [1, 2]],
  ['Gather', [vector(5, 6, 7), whole([], [-1])], { axis: 0 }, [], [7]],
  [
    'Gather',
    [cube, whole([1, 2], [2, 0])],
    { axis: 1 },
    [2, 1, 2, 4],
    [8, 9, 10, 11, 0, 1, 2, 3, 20, 21, 22, 23, 12, 13, 14, 15],
  ],
  ['Concat', [whole([2, 1], [1, 2]), whole([2, 2], [3, 4, 5, 6])], { axis: -1 }, [2, 3], [1, 3, 4, 2, 5, 6]],
  ['Transpose', [whole([2, 3], [0, 1, 2, 3, 4, 5])], {}, [3, 2], [0, 3, 1, 4, 2, 5]],
  ['ConstantOfShape', [vector(2, 2)], { value: vector(7) }, [2, 2], [7, 7, 7, 7]],
  ['ConstantOfShape', [whole([0], [])], { value: vector(7) }, [], [7]],
  ['Expand', [whole([2, 1], [1, 2]), vector(1, 1, 3)], {}, [1, 2, 3], [1, 1, 1, 2, 2, 2]],
  ['Tile', [vector(1, 2), vector(2)], {}, [4], [1, 2, 1, 2]],
  ['Range', [whole([], [5]), whole([], [0]), whole([], [-2])], {}, [3], [5, 3, 1]],
  ['Where', [vector(1, 0), vector(8), vector(1, 2)], {}, [2], [8, 2]],
  ['Equal', [vector(1, -1), whole([], [-1])], {}, [2], [0, 1]],
  ['Less', [vector(1, 2), vector(2, 2)], {}, [2], [1, 0]],
  ['Div', [vector(7, -7), whole([], [2])], {}, [2], [3, -3]],
  ['Mod', [vector(7, -7), whole([], [3])], {}, [2], [1, 2]],
  ['Mod', [vector(7, -7), whole([], [3])], { fmod: 1 }, [2], [1, -1]],
  ['Max', [vector(1, 5), vector(3, 3), vector(4, 0)], {}, [2], [4, 5]],
  ['Cast', [floats([2], [1.9, -1.9])], { to: 7 }, [2], [1, -1]],
  ['Cast', [floats([2], [0, 0.5])], { to: 9 }, [2], [0, 1]],
  ['Unsqueeze', [vector(1, 2), vector(0, -1)], {}, [1, 2, 1], [1, 2]],
  ['Flatten', [cube], { axis: 2 }, [6, 4], [...Array(24).keys()]],
  ['Shape', [cube], { start: -2, end: 2 ** 40 }, [2], [3, 4]],
  ['Size', [cube], {}, [], [24]],
  ['ReduceProd', [vector(2, 3, 4)], { keepdims: 0 }, [], [24]],
  ['ReduceSum', [whole([2, 2], [1, 2, 3, 4]), vector(0)], {}, [1, 2], [4, 6]],
  ['DequantizeLinear', [vector(10, 20), floats([], [0.5]), whole([], [10])], {}, [2], [0, 5]],
  ['DequantizeLinear', [whole([2, 1], [1, 2]), floats([2], [1, 10])], { axis: 0 }, [2, 1], [1, 20]],
]

for (const [op, inputs, attributes, dims, values] of rows) {
  test(`${op} to ${dims.join('x') || 'one number'}: ${values.slice(0, 6)}`, () => {
    const made = foldConstant(node(op, [], 'y', attributes), inputs)!
    assert.equal(made[0]!.dims, dims)
    assert.equal(Array.from(made[0]!.data), values)
  })
}

test('Split has several outputs, the last of which may be smaller', () => {
  const parts = (attributes: Record<string, AttributeValue>, input?: Constant) =>
    foldConstant({ ...node('Split', [], 'a', attributes), outputs: ['a', 'b'] }, [vector(1, 2, 3), input])!.map(
      ({ data }) => Array.from(data),
    )
  assert.equal(parts({ num_outputs: 2 }), [[1, 2], [3]])
  assert.equal(parts({}, vector(1, 2)), [[1], [2, 3]])
})

test('what would grow without end, or is not exact, is refused', async () => {
  const fold = (op: string, inputs: Constant[]) => foldConstant(node(op, [], 'y'), inputs)
  await modelFails(() => fold('Expand', [vector(1), vector(1e6, 1e6)]), /at most 1048576 values/)
  await modelFails(() => fold('ConstantOfShape', [vector(-1)]), /values/)
  await modelFails(() => fold('Range', [whole([], [0]), whole([], [1e12]), whole([], [1])]), /values/)
  await modelFails(() => fold('Range', [whole([], [0]), whole([], [1]), whole([], [0])]), /values/)
  await modelFails(() => fold('Add', [vector(2 ** 63), vector(1)]), /integers below 2\^53/)
  await modelFails(() => fold('Gather', [vector(1, 2), vector(2)]), /fewer than 2/)
  await modelFails(() => fold('Div', [vector(1), vector(0)]), /2\^53/)
})

test('padding as PyTorch writes it: a list of pads, turned round by shapes, slices and casts', async () => {
  const nodes = steps(
    ['ConstantOfShape', ['four'], 'none', { value: { tensor: ints(0) } }],
    ['Concat', ['pads', 'none'], 'all', { axis: 0 }],
    ['Reshape', ['all', 'pairs'], 'p2'],
    ['Slice', ['p2', 'last', 'least', 'first', 'last'], 'turned'],
    ['Transpose', ['turned'], 'across', { perm: [1, 0] }],
    ['Reshape', ['across', 'last'], 'flatPads'],
    ['Cast', ['flatPads'], 'p', { to: 7 }],
    ['Pad', ['x', 'p'], 'padded', { mode: 'constant' }],
  )
  const initializers = {
    ...weights,
    four: ints(4),
    pads: ints(1, 2, 0, 1),
    pairs: ints(-1, 2),
    last: ints(-1),
    first: ints(0),
    least: ints(-(2n ** 63n) + 1n),
  }
  const { graph, check } = await importNetwork({ nodes: [...nodes, convolution('padded'), ...head('c')], initializers })
  assert.ok(check.checked)
  const conv = graph.nodes.find(({ op }) => op === 'conv2d')
  assert.equal(conv?.op === 'conv2d' && conv.attributes.padding, [1, 2, 2, 3])
})

test('flattening by the shape of the batch, of any opset', async () => {
  const nodes = [
    convolution(),
    ...steps(
      ['GlobalAveragePool', ['c'], 'g'],
      ['Shape', ['g'], 's'],
      ['Slice', ['s', 'zero', 'one', 'zero'], 'n'],
      ['Concat', ['n', 'minus'], 'shape', { axis: 0 }],
      ['Equal', ['shape', 'minus'], 'open'],
      ['Size', ['g'], 'size'],
      ['Unsqueeze', ['size', 'zero'], 'size1'],
      ['Div', ['size1', 'n'], 'rest'],
      ['Where', ['open', 'rest', 'shape'], 'target'],
      ['Reshape', ['g', 'target'], 'flat'],
      ['Gemm', ['flat', 'fw', 'fb'], 'y', { transB: 1 }],
    ),
  ]
  const initializers = { ...weights, zero: ints(0), one: ints(1), minus: ints(-1) }
  for (const opset of [13, 17, 21, 23]) assert.ok((await importNetwork({ nodes, initializers, opset })).check.checked)
})

test('lengths in the ways that exporters write them', async () => {
  const ways: [string, OnnxNode[], number?][] = [
    [
      'a power of -1/2',
      steps(['ReduceSumSquare', ['e'], 's', { axes: [1] }], ['Pow', ['s', 'mh'], 'r'], ['Mul', ['e', 'r'], 'y']),
    ],
    [
      'a power of 1/2',
      steps(['ReduceSumSquare', ['e'], 's', { axes: [1] }], ['Pow', ['s', 'ph'], 'r'], ['Div', ['e', 'r'], 'y']),
    ],
    [
      '1 / length',
      steps(['ReduceL2', ['e'], 's', { axes: [-1] }], ['Div', ['k1', 's'], 'r'], ['Mul', ['r', 'e'], 'y']),
    ],
    [
      'a dimension taken and put back',
      steps(
        ['ReduceL2', ['e'], 's', { axes: [1], keepdims: 0 }],
        ['Unsqueeze', ['s', 'one'], 'u'],
        ['Div', ['e', 'u'], 'y'],
      ),
    ],
    [
      'stretched to a shape that is put together',
      steps(
        ['ReduceL2', ['e'], 's', { axes: [1] }],
        ['Shape', ['e'], 'sh'],
        ['Gather', ['sh', 'zero'], 'n', { axis: 0 }],
        ['Concat', ['n', 'eight'], 'to', { axis: 0 }],
        ['Expand', ['s', 'to'], 'u'],
        ['Div', ['e', 'u'], 'y'],
      ),
    ],
  ]
  const initializers = {
    ...weights,
    mh: scalar(-0.5),
    ph: scalar(0.5),
    k1: scalar(1),
    one: ints(1),
    zero: ints(0),
    eight: ints(8),
  }
  for (const [name, nodes] of ways) {
    const { graph } = await importNetwork({ nodes: [convolution(), ...head('c', 'e'), ...nodes], initializers })
    assert.is(graph.nodes.at(-1)!.op, 'l2_normalize', name)
  }
})

test('a length stretched to more than the vector is refused', () =>
  modelFails(
    () =>
      importNetwork({
        nodes: [
          convolution(),
          ...head('c', 'e'),
          ...steps(['ReduceL2', ['e'], 's', { axes: [1] }], ['Expand', ['s', 'to'], 'u'], ['Div', ['e', 'u'], 'y']),
        ],
        initializers: { ...weights, to: ints(3, 8) },
      }),
    /shape of L2Normalize/,
  ))

test.run()
