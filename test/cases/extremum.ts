/** maximum and minimum of two activations. */
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'

const of = (op: 'maximum' | 'minimum', name: string, [height, width, channels]: Shape, more = {}): TableCase => ({
  name: `${op} of ${name}`,
  inputs: [
    [height, width, channels],
    [height, width, channels],
  ],
  nodes: [opNode(op, { inputs: ['x', 'x1'] })],
  exact: true,
  ...more,
})

export const extremum: TableCase[] = (['maximum', 'minimum'] as const).flatMap((op) => [
  of(op, 'two maps', [5, 4, 19], { values: 'distinct' }),
  of(op, 'whole vectors of channels', [3, 3, 32], { values: 'distinct' }),
])
