/** cross_covariance_attention: heads of one channel and of many, few pixels and many. */
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'

const attention = (name: string, shape: Shape, heads: number, more: Partial<TableCase> = {}): TableCase => ({
  name: `cross_covariance_attention ${name}`,
  inputs: [shape, shape, shape],
  nodes: [
    opNode('cross_covariance_attention', { inputs: ['x', 'x1', 'x2'], attributes: { heads }, tensors: ['scale'] }),
  ],
  ...more,
})

export const attentions: TableCase[] = [
  attention('of four heads', [4, 5, 40], 4),
  attention('of an odd number of channels', [3, 3, 51], 3),
  attention('of one head', [3, 3, 38], 1),
  attention('of heads of one channel', [2, 3, 5], 5),
  attention('of two pixels', [1, 2, 16], 2),
  attention('with one scale for all heads', [4, 4, 24], 4, { shared: ['scale'] }),
]
