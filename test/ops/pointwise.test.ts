/** Functions of one value: hard_sigmoid, swish, tanh, elu, selu, softplus, gelu, gelu_tanh, clip. */
import { test } from 'uvu'
import type { GraphNode } from '../../types/graph.js'
import { opCase } from '../cases/op_case.js'
import { pointwise } from '../cases/pointwise.js'
import { testTable } from '../cases/table.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { testThroughOnnx } from '../support/through_onnx.js'

type Body = GraphNode extends infer Node ? (Node extends GraphNode ? Omit<Node, 'name' | 'inputs'> : never) : never
const node = (body: Body) => ({ ...body, name: 'y', inputs: ['x'] }) as GraphNode

testTable(pointwise)
testThroughOnnx(pointwise.map(opCase))

const byHand = (
  [
    [{ op: 'hard_sigmoid', attributes: { alpha: 0.25, beta: 0.5 } }, [0, 0, 0.25, 0.5, 1, 1]],
    [{ op: 'swish' }, [0, undefined, undefined, 0, undefined, 1000]],
    [{ op: 'tanh' }, [-1, undefined, undefined, 0, undefined, 1]],
    [{ op: 'elu', attributes: { alpha: 2 } }, [-2, undefined, undefined, 0, 2, 1000]],
    [{ op: 'selu', attributes: { alpha: 2, gamma: 0.5 } }, [-1, undefined, undefined, 0, 1, 500]],
    [{ op: 'softplus' }, [0, undefined, undefined, undefined, undefined, 1000]],
    [{ op: 'gelu' }, [0, undefined, undefined, 0, undefined, 1000]],
    [{ op: 'gelu_tanh' }, [0, undefined, undefined, 0, undefined, 1000]],
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

testCases(byHand)

test.run()
