import { test } from 'uvu'
import type { GraphNode } from '../../types/graph.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'
import { testThroughOnnx } from '../support/through_onnx.js'

const multiply = (...inputs: [string, string]): GraphNode => ({ name: 'y', op: 'multiply', inputs })
const largest: GraphNode = { name: 'top', op: 'global_pool', inputs: ['x'], attributes: { kind: 'max' } }
const gate: GraphNode = { name: 'gate', op: 'hard_sigmoid', inputs: ['top'] }
const around: GraphNode = {
  name: 'around',
  op: 'max_pool',
  inputs: ['x'],
  attributes: { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] },
}

const cases: OpCase[] = [1, 16, 37].flatMap((channels) => {
  const input = gridValues(3 * 4 * 5 * channels, seeded(channels))
  const shape: [number, number, number] = [4, 5, channels]
  return [
    {
      name: `multiply of ${channels} channels by a gate, as squeeze-and-excitation does`,
      graph: graphOf(shape, [largest, gate, multiply('x', 'gate')]),
      input,
      onnx: {
        nodes: [
          { op: 'GlobalMaxPool', inputs: ['x'], outputs: ['top'] },
          { op: 'HardSigmoid', inputs: ['top'], outputs: ['gate'] },
          { op: 'Mul', inputs: ['x', 'gate'], outputs: ['y'] },
        ],
      },
    },
    {
      name: `multiply of ${channels} channels, pixel by pixel`,
      graph: graphOf(shape, [around, multiply('x', 'around')]),
      input,
    },
    { name: `multiply of ${channels} channels by themselves`, graph: graphOf(shape, [multiply('x', 'x')]), input },
  ]
})

testCases([
  ...cases,
  {
    name: 'multiply by hand: two images, each by its own largest values',
    graph: graphOf([1, 2, 2], [largest, multiply('x', 'top')]),
    input: Float32Array.of(1, 2, 3, -4, 5, 6, -7, 8),
    expected: [3, 4, 9, -8, 25, 48, -35, 64],
  },
])
testThroughOnnx(cases)

test.run()
