/** The first convolution of a network, on the image's bytes and on what preprocessing made of them. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GraphDescription, GraphNode, Padding } from '../../types/graph.js'
import type { Tensors } from '../support/evaluate.js'
import { assertWithinPrecision, dtypesOf, modelDevices, type OpCase, runGraph, testCases } from '../support/ops.js'
import { normals, seeded } from '../support/random.js'

type Preprocess = Extract<GraphNode, { op: 'preprocess' }>['attributes']

interface Description {
  name: string
  size: [number, number]
  preprocess: Preprocess
  kernel: number
  stride: number
  padding: Padding
  out: number
}

const pad = (before: number, after = before): Padding => [before, before, after, after]
const descriptions: Description[] = [
  {
    name: '7x7/2 of RGB',
    size: [37, 35],
    preprocess: { mode: 'fixed', color: 'rgb', mean: [122.8, 117, 104.3], scale: [1 / 64] },
    kernel: 7,
    stride: 2,
    padding: pad(3),
    out: 64,
  },
  {
    name: '3x3/2 of BGR, padded below and right',
    size: [20, 22],
    preprocess: { mode: 'fixed', color: 'bgr', mean: [127.5], scale: [1 / 128, 1 / 100, 1 / 64] },
    kernel: 3,
    stride: 2,
    padding: pad(0, 1),
    out: 33,
  },
  {
    name: '3x3 of RGB, unpadded',
    size: [12, 19],
    preprocess: { mode: 'fixed', color: 'rgb', mean: [127.5], scale: [1 / 128] },
    kernel: 3,
    stride: 1,
    padding: pad(0),
    out: 10,
  },
  {
    name: '5x5/2 of grey',
    size: [14, 17],
    preprocess: { mode: 'fixed', color: 'grey', mean: [100], scale: [1 / 50] },
    kernel: 5,
    stride: 2,
    padding: pad(2),
    out: 12,
  },
  {
    name: '3x3/2 of standardised RGB',
    size: [11, 13],
    preprocess: { mode: 'per-image', color: 'rgb' },
    kernel: 3,
    stride: 2,
    padding: pad(1),
    out: 8,
  },
]

function caseOf({ name, size, preprocess, kernel, stride, padding, out }: Description, seed: number): OpCase {
  const random = seeded(seed)
  const channels = preprocess.color === 'grey' ? 1 : 3
  const [height, width] = size
  const graph: GraphDescription = {
    name: 'case',
    input: { name: 'image', height, width, channels: 3, dtype: 'u8' },
    nodes: [
      { name: 'pre', op: 'preprocess', inputs: ['image'], attributes: preprocess },
      {
        name: 'conv',
        op: 'conv2d',
        inputs: ['pre'],
        attributes: { kernel: [kernel, kernel], stride: [stride, stride], padding, outChannels: out, groups: 1 },
        tensors: { weight: 'w', bias: 'b' },
      },
      { name: 'y', op: 'prelu', inputs: ['conv'], tensors: { slope: 's' } },
    ],
    outputs: ['y'],
  }
  const count = out * channels * kernel * kernel
  const tensors: Tensors = {
    w: { shape: [out, channels, kernel, kernel], data: normals(count, random, 1 / kernel) },
    b: { shape: [out], data: normals(out, random) },
    s: { shape: [out], data: normals(out, random, 0.25) },
  }
  const input = Uint8Array.from({ length: 2 * height * width * 3 }, () => random.integer(0, 255))
  return { name: `stem ${name}`, graph, tensors, input }
}

const cases = descriptions.map(caseOf)
testCases(cases)

for (const item of cases) {
  for (const dtype of dtypesOf('reference')) {
    test(`${item.name}: fused, the specification keeps every bit (${dtype})`, async () => {
      const apart = await runGraph(item.graph, item.tensors!, item.input, { dtype })
      assert.equal(await runGraph(item.graph, item.tensors!, item.input, { dtype, fuseStem: true }), apart)
    })
  }
  for (const device of modelDevices) {
    test(`${item.name}, asked to fuse the stem and not to fuse at all (${device})`, async () => {
      for (const options of [
        { device, fuseStem: true },
        { device, fuse: false },
      ])
        assertWithinPrecision(await runGraph(item.graph, item.tensors!, item.input, options), item, options)
    })
  }
}

test.run()
