import { test } from 'uvu'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import { type OpCase, testCases } from '../support/ops.js'
import { seeded } from '../support/random.js'

type Attributes = Extract<GraphNode, { op: 'preprocess' }>['attributes']

const graph = (height: number, width: number, attributes: Attributes): GraphDescription => ({
  name: 'case',
  input: { name: 'image', height, width, channels: 3, dtype: 'u8' },
  nodes: [{ name: 'y', op: 'preprocess', inputs: ['image'], attributes }],
  outputs: ['y'],
})

/** Two images of noise, one of a single colour (its deviation is zero) and one of noise in a narrow band. */
function images(height: number, width: number): Uint8Array {
  const random = seeded(1)
  const elements = height * width * 3
  const noise = Array.from({ length: 2 * elements }, () => random.integer(0, 255))
  const flat = Array.from({ length: elements }, () => 200)
  const narrow = Array.from({ length: elements }, () => random.integer(100, 103))
  return Uint8Array.from([...noise, ...flat, ...narrow])
}

const attributes: (Attributes & { name: string })[] = [
  { name: 'pixels as they are', mode: 'fixed', color: 'rgb' },
  { name: 'one mean and scale', mode: 'fixed', color: 'rgb', mean: [127.5], scale: [1 / 128] },
  { name: 'a mean a channel', mode: 'fixed', color: 'rgb', mean: [122.782, 117.001, 104.298], scale: [1 / 256] },
  {
    name: 'bgr, constants in the order of the network',
    mode: 'fixed',
    color: 'bgr',
    mean: [91, 98, 114],
    scale: [0.5, 0.25, 1],
  },
  { name: 'grey', mode: 'fixed', color: 'grey', mean: [127.5], scale: [0.0078125] },
  { name: 'standardised', mode: 'per-image', color: 'rgb' },
  { name: 'standardised, bgr', mode: 'per-image', color: 'bgr' },
  { name: 'standardised, grey', mode: 'per-image', color: 'grey' },
]

testCases(
  attributes.map(
    ({ name, ...rest }): OpCase => ({
      name: `preprocess ${name}`,
      graph: graph(9, 7, rest),
      input: images(9, 7),
    }),
  ),
)

const pixels = Uint8Array.of(10, 20, 30, 255, 0, 128)

testCases([
  {
    name: 'preprocess by hand: rgb',
    graph: graph(1, 2, { mode: 'fixed', color: 'rgb', mean: [10, 0, 128], scale: [2, 0.5, 1] }),
    input: pixels,
    expected: [0, 10, -98, 490, 0, 0],
  },
  {
    name: 'preprocess by hand: bgr',
    graph: graph(1, 2, { mode: 'fixed', color: 'bgr', mean: [30, 20, 10], scale: [1, 1, 2] }),
    input: pixels,
    expected: [0, 0, 0, 98, -20, 490],
  },
  {
    // Values -1, -1, -1, 1, 1, 1 around their mean: the deviation is 100.
    name: 'preprocess by hand: standardised',
    graph: graph(1, 2, { mode: 'per-image', color: 'rgb' }),
    input: Uint8Array.of(0, 0, 0, 200, 200, 200),
    expected: [-1, -1, -1, 1, 1, 1],
  },
  {
    name: 'preprocess by hand: an image of one colour becomes zero',
    graph: graph(1, 2, { mode: 'per-image', color: 'rgb' }),
    input: Uint8Array.of(9, 9, 9, 9, 9, 9),
    expected: [0, 0, 0, 0, 0, 0],
  },
])

test.run()
