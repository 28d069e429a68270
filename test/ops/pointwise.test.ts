/** Functions of one value: hard_sigmoid, swish, tanh, elu, selu, softplus, gelu, clip. Others are in activation.test.ts. */
import { test } from 'uvu'
import type { GraphNode } from '../../types/graph.js'
import type { OnnxGraph } from '../support/onnx.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'
import { testThroughOnnx } from '../support/through_onnx.js'

type Body = GraphNode extends infer Node ? (Node extends GraphNode ? Omit<Node, 'name' | 'inputs'> : never) : never
const node = (body: Body) => ({ ...body, name: 'y', inputs: ['x'] }) as GraphNode

const shape: [number, number, number] = [4, 5, 37]
const input = gridValues(3 * 4 * 5 * 37, seeded(1)).map((value) => value * 5)

const operator = (op: string, attributes: Record<string, number> = {}): OnnxGraph => ({
  nodes: [
    {
      op,
      inputs: ['x'],
      outputs: ['y'],
      attributes: Object.fromEntries(Object.entries(attributes).map(([key, float]) => [key, { float }])),
    },
  ],
})
const silu: OnnxGraph = {
  nodes: [
    { op: 'Sigmoid', inputs: ['x'], outputs: ['gate'] },
    { op: 'Mul', inputs: ['x', 'gate'], outputs: ['y'] },
  ],
}

const cases: OpCase[] = (
  [
    ['hard_sigmoid', { op: 'hard_sigmoid' }, operator('HardSigmoid')],
    [
      'hard_sigmoid with parameters',
      { op: 'hard_sigmoid', attributes: { alpha: 0.25, beta: 0.375 } },
      operator('HardSigmoid', { alpha: 0.25, beta: 0.375 }),
    ],
    ['swish', { op: 'swish' }, silu],
    ['swish with a parameter', { op: 'swish', attributes: { alpha: 1.5 } }, undefined],
    ['tanh', { op: 'tanh' }, operator('Tanh')],
    ['elu', { op: 'elu' }, operator('Elu')],
    ['elu with a parameter', { op: 'elu', attributes: { alpha: 0.5 } }, operator('Elu', { alpha: 0.5 })],
    ['selu', { op: 'selu' }, operator('Selu')],
    [
      'selu with parameters',
      { op: 'selu', attributes: { alpha: 0.5, gamma: 2 } },
      operator('Selu', { alpha: 0.5, gamma: 2 }),
    ],
    ['softplus', { op: 'softplus' }, operator('Softplus')],
    ['gelu', { op: 'gelu' }, operator('Gelu')],
    ['clip', { op: 'clip', attributes: { min: -1.5, max: 2 } }, undefined],
    ['clip from below', { op: 'clip', attributes: { min: -1 } }, undefined],
    ['clip from above', { op: 'clip', attributes: { max: 0.5 } }, undefined],
  ] satisfies [string, Body, OnnxGraph | undefined][]
).map(([name, body, onnx]) => ({ name, graph: graphOf(shape, [node(body)]), input, onnx }))

const byHand = (
  [
    [{ op: 'hard_sigmoid', attributes: { alpha: 0.25, beta: 0.5 } }, [0, 0, 0.25, 0.5, 1, 1]],
    [{ op: 'swish' }, [0, undefined, undefined, 0, undefined, 1000]],
    [{ op: 'tanh' }, [-1, undefined, undefined, 0, undefined, 1]],
    [{ op: 'elu', attributes: { alpha: 2 } }, [-2, undefined, undefined, 0, 2, 1000]],
    [{ op: 'selu', attributes: { alpha: 2, gamma: 0.5 } }, [-1, undefined, undefined, 0, 1, 500]],
    [{ op: 'softplus' }, [0, undefined, undefined, undefined, undefined, 1000]],
    [{ op: 'gelu' }, [0, undefined, undefined, 0, undefined, 1000]],
    [{ op: 'clip', attributes: { min: -1, max: 1.5 } }, [-1, -1, -1, 0, 1.5, 1.5]],
  ] satisfies [Body, (number | undefined)[]][]
).map(([body, values]): OpCase => {
  // Only where the result is exact; what is small beside 1000 may be rounded away.
  const kept = [-1000, -4, -1, 0, 2, 1000].flatMap((x, i) => {
    const y = values[i]
    return y === undefined ? [] : [[x, y] as const]
  })
  return {
    name: `${body.op} by hand: far out, and where it is exact`,
    graph: graphOf([1, 1, kept.length], [node(body)]),
    input: Float32Array.from(kept, ([x]) => x),
    expected: kept.map(([, y]) => y),
  }
})

testCases([...cases, ...byHand])
testThroughOnnx(cases)

test.run()
