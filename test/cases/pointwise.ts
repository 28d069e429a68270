/** Functions of one value: native/ops/pointwise.h. */
import type { GraphNode } from '../../types/graph.js'
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'

const shape: Shape = [4, 5, 37]

const of = (op: GraphNode['op'], attributes?: Record<string, number>): TableCase => {
  const set = Object.entries(attributes ?? {}).map(([name, value]) => ` ${name} ${value}`)
  return {
    name: `${op}${set.join('')}`,
    inputs: [shape],
    nodes: [opNode(op, attributes ? { attributes } : {})],
    range: [-8, 8],
  }
}

export const pointwise: TableCase[] = [
  of('sigmoid'),
  of('hard_sigmoid'),
  of('hard_sigmoid', { alpha: 0.25, beta: 0.375 }),
  of('swish'),
  of('swish', { alpha: 1.5 }),
  of('hard_swish'),
  of('tanh'),
  of('elu'),
  of('elu', { alpha: 0.5 }),
  of('selu'),
  of('selu', { alpha: 0.5, gamma: 2 }),
  of('softplus'),
  of('gelu'),
  of('gelu_tanh'),
  of('clip', { min: -1.5, max: 2 }),
  of('clip', { min: -1 }),
  of('clip', { max: 0.5 }),
]
