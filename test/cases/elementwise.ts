/** Ops that move, choose or add values: maxout, concat, add, pads, upsample. */
import type { Padding } from '../../types/graph.js'
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'

const two = (shape: Shape): Shape[] => [shape, shape]
const sum = (name: string, factor = 1) => opNode('add', { name, inputs: ['x', 'x1'], attributes: { factor } })

const maxouts: TableCase[] = [2, 3, 5].map((pieces) => ({
  name: `maxout of ${pieces}`,
  inputs: [[3, 2, 30]],
  nodes: [opNode('maxout', { attributes: { pieces } })],
  values: 'distinct',
  exact: true,
}))

const concats: TableCase[] = [
  [1, 1, 1],
  [6, 6, 6],
  [16, 16, 16],
  [5, 16, 33],
].map((channels) => ({
  name: `concat of ${channels.join(', ')} channels`,
  inputs: channels.map((count) => [5, 4, count] as const),
  nodes: [opNode('concat', { inputs: ['x', 'x1', 'x2'] })],
  exact: true,
}))

const adds: TableCase[] = [1, 0.17, -2].flatMap((factor): TableCase[] => [
  { name: `add with factor ${factor}`, inputs: two([5, 4, 19]), nodes: [sum('y', factor)] },
  {
    name: `add with factor ${factor}, relu`,
    inputs: two([5, 4, 19]),
    nodes: [sum('sum', factor), opNode('relu', { inputs: ['sum'] })],
  },
])

const addPrelu: TableCase = {
  name: 'add, prelu',
  inputs: two([3, 4, 37]),
  nodes: [sum('sum'), opNode('prelu', { inputs: ['sum'], tensors: ['slope'] })],
}

const pads: { name: string; padding?: Padding; channels?: number }[] = [
  { name: 'above and right', padding: [2, 0, 0, 1] },
  { name: 'on all sides', padding: [1, 2, 3, 4] },
  { name: 'of channels', channels: 5 },
  { name: 'of sides and channels', padding: [0, 1, 1, 0], channels: 11 },
]

const zeroPads: TableCase[] = pads.map(({ name, ...attributes }) => ({
  name: `zero_pad ${name}`,
  inputs: [[3, 4, 7]],
  nodes: [opNode('zero_pad', { attributes })],
  exact: true,
}))

const constantPad: TableCase = {
  name: 'constant_pad of sides and channels',
  inputs: [[5, 4, 7]],
  nodes: [opNode('constant_pad', { attributes: { padding: [0, 1, 2, 0], channels: 3, value: -0.5 } })],
  exact: true,
}

/** Pixels of the image, so that the gradients of several are added. */
const mirrorPads: TableCase[] = (['edge_pad', 'reflect_pad'] as const).flatMap((op): TableCase[] => [
  {
    name: `${op} on all sides`,
    inputs: [[5, 6, 7]],
    nodes: [opNode(op, { attributes: { padding: [1, 2, 3, 4] } })],
    exact: true,
  },
  {
    name: `${op} of one side`,
    inputs: [[4, 3, 20]],
    nodes: [opNode(op, { attributes: { padding: [0, 0, 3, 0] } })],
    exact: true,
  },
  {
    name: `${op} as far as the image reaches`,
    inputs: [[4, 2, 16]],
    nodes: [opNode(op, { attributes: { padding: [3, 1, 3, 1] } })],
    exact: true,
  },
])

const upsamples: TableCase[] = [1, 2, 3].map((factor) => ({
  name: `upsample by ${factor}`,
  inputs: [[3, 4, 21]],
  nodes: [opNode('upsample', { attributes: { factor } })],
  exact: true,
}))

export const elementwise: TableCase[] = [
  ...maxouts,
  ...concats,
  ...adds,
  addPrelu,
  ...zeroPads,
  constantPad,
  ...mirrorPads,
  ...upsamples,
]
