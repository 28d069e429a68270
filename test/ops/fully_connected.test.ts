import { test } from 'uvu'
import type { GraphNode } from '../../types/graph.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, integers, normals, seeded } from '../support/random.js'

interface Description {
  name: string
  input: [number, number, number]
  out: number
  order?: 'chw' | 'hwc'
  bias?: boolean
  count?: number
  pieces?: number
  relu?: boolean
}

const descriptions: Description[] = [
  { name: 'from a vector', input: [1, 1, 128], out: 64 },
  { name: 'without bias', input: [1, 1, 37], out: 19, bias: false },
  { name: 'flattened in C, H, W order', input: [3, 4, 10], out: 21, order: 'chw' },
  { name: 'flattened in H, W, C order', input: [3, 4, 10], out: 21, order: 'hwc' },
  { name: 'one image', input: [7, 7, 32], out: 40, count: 1 },
  { name: 'many images', input: [1, 1, 96], out: 128, count: 17 },
  { name: 'one output', input: [2, 2, 3], out: 1 },
  { name: 'with maxout of two', input: [1, 1, 50], out: 24, pieces: 2 },
  { name: 'with maxout of three, in C, H, W order', input: [2, 3, 8], out: 33, pieces: 3 },
  { name: 'with relu', input: [1, 1, 64], out: 32, relu: true },
]

function fullyConnectedCase(item: Description, kind: 'precise' | 'exact', index: number): OpCase {
  const { input, out, order = 'chw', bias = true, count = 3, pieces, relu } = item
  const random = seeded(index)
  const inFeatures = input[0] * input[1] * input[2]
  const values = (n: number) => (kind === 'exact' ? integers(n, random, -1, 1) : normals(n, random, 0.1))
  const layer: GraphNode = {
    name: 'layer',
    op: 'fully_connected',
    inputs: ['x'],
    attributes: { outFeatures: out, order },
    tensors: bias ? { weight: 'w', bias: 'b' } : { weight: 'w' },
  }
  const nodes: GraphNode[] = [layer]
  if (pieces) nodes.push({ name: 'maxout', op: 'maxout', inputs: ['layer'], attributes: { pieces } })
  if (relu) nodes.push({ name: 'relu', op: 'relu', inputs: ['layer'] })
  const hasOnnx = !pieces && order === 'chw' && kind === 'precise'
  return {
    name: `fully_connected: ${item.name}${kind === 'exact' ? ', exact on small integers' : ''}`,
    graph: graphOf(input, nodes),
    tensors: {
      w: { shape: [out, inFeatures], data: values(out * inFeatures) },
      ...(bias ? { b: { shape: [out], data: values(out) } } : {}),
    },
    input: kind === 'exact' ? integers(count * inFeatures, random, -1, 1) : gridValues(count * inFeatures, random),
    exact: kind === 'exact',
    ...(hasOnnx ? { onnx: onnxGemm(bias, relu ?? false) } : {}),
  }
}

function onnxGemm(bias: boolean, relu: boolean) {
  const nodes = [
    { op: 'Flatten', inputs: ['x'], outputs: ['flat'] },
    {
      op: 'Gemm',
      inputs: bias ? ['flat', 'w', 'b'] : ['flat', 'w'],
      outputs: [relu ? 'layer' : 'y'],
      attributes: { transB: 1 },
    },
  ]
  return { nodes: relu ? [...nodes, { op: 'Relu', inputs: ['layer'], outputs: ['y'] }] : nodes }
}

testCases(descriptions.map((item, i) => fullyConnectedCase(item, 'precise', i)))
testCases(descriptions.map((item, i) => fullyConnectedCase(item, 'exact', i)))

const counting = (order: 'chw' | 'hwc', expected: number[]): OpCase => ({
  name: `fully_connected: the place of each input in ${order} order, by hand`,
  graph: graphOf(
    [1, 2, 2],
    [
      {
        name: 'y',
        op: 'fully_connected',
        inputs: ['x'],
        attributes: { outFeatures: 4, order },
        tensors: { weight: 'w' },
      },
    ],
  ),
  // The identity shows the flattened input itself.
  tensors: { w: { shape: [4, 4], data: Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1) } },
  input: Float32Array.of(1, 2, 3, 4),
  expected,
})

testCases([counting('hwc', [1, 2, 3, 4]), counting('chw', [1, 3, 2, 4])])

test.run()
