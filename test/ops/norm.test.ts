import { test } from 'uvu'
import type { GraphNode } from '../../types/graph.js'
import type { Tensors } from '../support/evaluate.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, normals, seeded } from '../support/random.js'

const channels = 37
const shape: [number, number, number] = [4, 5, channels]
const input = gridValues(3 * 4 * 5 * channels, seeded(1))
const random = seeded(2)
const vector = (data: Float32Array) => ({ shape: [data.length], data })
const tensors: Tensors = {
  mean: vector(normals(channels, random)),
  variance: vector(normals(channels, random).map((value) => value * value + 0.1)),
  scale: vector(normals(channels, random)),
  shift: vector(normals(channels, random)),
  one: vector(Float32Array.of(1)),
  half: vector(Float32Array.of(0.5)),
}

const batchNorm = (names: { scale?: string; shift?: string }, epsilon: number): GraphNode => ({
  name: 'y',
  op: 'batch_norm',
  inputs: ['x'],
  attributes: { epsilon },
  tensors: { mean: 'mean', variance: 'variance', ...names },
})
const affine = (names: { scale?: string; shift?: string }): GraphNode => ({
  name: 'y',
  op: 'affine',
  inputs: ['x'],
  tensors: names,
})

const cases: OpCase[] = [
  {
    name: 'batch_norm',
    graph: graphOf(shape, [batchNorm({ scale: 'scale', shift: 'shift' }, 1e-3)]),
    tensors,
    input,
    onnx: {
      nodes: [
        {
          op: 'BatchNormalization',
          inputs: ['x', 'scale', 'shift', 'mean', 'variance'],
          outputs: ['y'],
          attributes: { epsilon: { float: 1e-3 } },
        },
      ],
    },
  },
  { name: 'batch_norm without scale', graph: graphOf(shape, [batchNorm({ shift: 'shift' }, 1e-5)]), tensors, input },
  { name: 'batch_norm without scale and shift', graph: graphOf(shape, [batchNorm({}, 0)]), tensors, input },
  { name: 'affine', graph: graphOf(shape, [affine({ scale: 'scale', shift: 'shift' })]), tensors, input },
  { name: 'affine, shift alone', graph: graphOf(shape, [affine({ shift: 'shift' })]), tensors, input },
  { name: 'affine, scale alone', graph: graphOf(shape, [affine({ scale: 'scale' })]), tensors, input },
  {
    name: 'affine, one value for all channels',
    graph: graphOf(shape, [affine({ scale: 'half', shift: 'one' })]),
    tensors,
    input,
  },
  {
    name: 'batch_norm by hand',
    graph: graphOf([1, 2, 2], [batchNorm({ scale: 'scale', shift: 'shift' }, 1)]),
    tensors: {
      mean: vector(Float32Array.of(1, -1)),
      variance: vector(Float32Array.of(3, 0)),
      scale: vector(Float32Array.of(2, 3)),
      shift: vector(Float32Array.of(10, 20)),
    },
    input: Float32Array.of(5, 5, 1, -1),
    expected: [(4 / 2) * 2 + 10, 6 * 3 + 20, 10, 20],
  },
]

testCases(cases)

test.run()
