/** multiply: value by value, and by one factor per channel. */
import { opNode, type TableCase } from './case.js'

export const multiply: TableCase[] = [1, 16, 37].flatMap((channels): TableCase[] => [
  {
    name: `multiply of ${channels} channels, value by value`,
    inputs: [
      [4, 5, channels],
      [4, 5, channels],
    ],
    nodes: [opNode('multiply', { inputs: ['x', 'x1'] })],
  },
  {
    name: `multiply of ${channels} channels by one factor each`,
    inputs: [
      [4, 5, channels],
      [1, 1, channels],
    ],
    nodes: [opNode('multiply', { inputs: ['x', 'x1'] })],
  },
])
