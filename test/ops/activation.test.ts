import { test } from 'uvu'
import type { GraphNode } from '../../types/graph.js'
import { activation } from '../cases/activation.js'
import { testTable } from '../cases/table.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'

const relu: GraphNode = { name: 'y', op: 'relu', inputs: ['x'] }
const relu6: GraphNode = { name: 'y', op: 'relu6', inputs: ['x'] }
const sigmoid: GraphNode = { name: 'y', op: 'sigmoid', inputs: ['x'] }
const prelu: GraphNode = { name: 'y', op: 'prelu', inputs: ['x'], tensors: { slope: 'slope' } }

const channels = 37
const shape: [number, number, number] = [4, 5, channels]
const input = gridValues(3 * 4 * 5 * channels, seeded(1)).map((value) => value * 5)

const cases: OpCase[] = [
  {
    name: 'sigmoid after a sum, which does not take it into its epilogue',
    graph: graphOf(shape, [
      { name: 'sum', op: 'add', inputs: ['x', 'x'] },
      { ...sigmoid, inputs: ['sum'] },
    ]),
    input,
  },
  {
    name: 'relu by hand',
    graph: graphOf([1, 1, 5], [relu]),
    input: Float32Array.of(-2, -0.5, 0, 0.5, 7),
    expected: [0, 0, 0, 0.5, 7],
  },
  {
    name: 'relu6 by hand',
    graph: graphOf([1, 1, 5], [relu6]),
    input: Float32Array.of(-2, -0.5, 5.5, 6, 7),
    expected: [0, 0, 5.5, 6, 6],
  },
  {
    name: 'sigmoid by hand, also where the exponential overflows',
    graph: graphOf([1, 1, 3], [sigmoid]),
    input: Float32Array.of(-1000, 0, 1000),
    expected: [0, 0.5, 1],
  },
  {
    name: 'prelu by hand, also with slopes that are negative or above one',
    graph: graphOf([1, 2, 3], [prelu]),
    tensors: { slope: { shape: [3], data: Float32Array.of(0.5, -1, 2) } },
    input: Float32Array.of(-4, -4, -4, 4, 4, 4),
    expected: [-2, 4, -8, 4, 4, 4],
  },
]

testTable(activation)
const hardSwishByHand: OpCase = {
  name: 'hard_swish by hand: flat up to -3, the input itself from 3 on',
  graph: graphOf([1, 1, 6], [{ name: 'y', op: 'hard_swish', inputs: ['x'] }]),
  input: Float32Array.of(-1000, -3, -1.5, 0, 3, 1000),
  expected: [0, 0, -0.375, 0, 3, 1000],
}

testCases([...cases, hardSwishByHand])

test.run()
