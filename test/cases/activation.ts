/** Activations that stand alone: those behind a convolution or a sum are that op's. */
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'

const shape: Shape = [4, 5, 37]
const wide: [number, number] = [-8, 8]

export const activation: TableCase[] = [
  ...(['relu', 'relu6'] as const).map((op) => ({
    name: op,
    inputs: [shape],
    nodes: [opNode(op)],
    range: wide,
  })),
  { name: 'relu in place', inputs: [shape], nodes: [opNode('relu')], inPlace: true },
  { name: 'relu6 in place', inputs: [shape], nodes: [opNode('relu6')], range: wide, inPlace: true },
  {
    name: 'prelu, one slope per channel',
    inputs: [shape],
    nodes: [opNode('prelu', { tensors: ['slope'] })],
    range: wide,
  },
  {
    name: 'prelu, one slope for all channels',
    inputs: [shape],
    nodes: [opNode('prelu', { tensors: ['slope'] })],
    shared: ['slope'],
  },
]
