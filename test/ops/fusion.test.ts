/** What a planner may fold, fuse, merge and write in place, and that the results stay those of the separate layers. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GraphDescription, GraphNode, Padding } from '../../types/graph.js'
import type { Tensors } from '../support/evaluate.js'
import {
  assertWithinPrecision,
  dtypesOf,
  graphOf,
  modelDevices,
  type OpCase,
  runGraph,
  testCases,
} from '../support/ops.js'
import { gridValues, normals, seeded } from '../support/random.js'

/** A graph under construction: adds layers with random tensors and gives back their names. */
class Builder {
  readonly nodes: GraphNode[] = []
  readonly tensors: Tensors = {}
  private readonly random = seeded(1)

  conv(name: string, from: string, [inChannels, out]: [number, number], kernel: number, stride = 1): string {
    const side = (kernel - 1) / 2
    const padding: Padding = [side, side, side, side]
    const deviation = Math.sqrt(2 / (inChannels * kernel * kernel))
    this.tensors[`${name}.w`] = {
      shape: [out, inChannels, kernel, kernel],
      data: normals(out * inChannels * kernel * kernel, this.random, deviation),
    }
    this.vector(`${name}.b`, out)
    this.nodes.push({
      name,
      op: 'conv2d',
      inputs: [from],
      attributes: { kernel: [kernel, kernel], stride: [stride, stride], padding, outChannels: out },
      tensors: { weight: `${name}.w`, bias: `${name}.b` },
    })
    return name
  }

  batchNorm(name: string, from: string, channels: number): string {
    const tensors = {
      mean: `${name}.mean`,
      variance: `${name}.variance`,
      scale: `${name}.scale`,
      shift: `${name}.shift`,
    }
    for (const tensor of Object.values(tensors)) this.vector(tensor, channels)
    const variance = this.tensors[tensors.variance]!
    variance.data = variance.data.map((value) => value * value + 0.5)
    this.nodes.push({ name, op: 'batch_norm', inputs: [from], attributes: { epsilon: 1e-3 }, tensors })
    return name
  }

  prelu(name: string, from: string, channels: number): string {
    this.vector(`${name}.slope`, channels)
    this.nodes.push({ name, op: 'prelu', inputs: [from], tensors: { slope: `${name}.slope` } })
    return name
  }

  add(node: GraphNode): string {
    this.nodes.push(node)
    return node.name
  }

  private vector(name: string, channels: number): void {
    this.tensors[name] = { shape: [channels], data: normals(channels, this.random, 0.5) }
  }

  build(shape: [number, number, number], name: string): OpCase {
    return {
      name,
      graph: graphOf(shape, this.nodes),
      tensors: this.tensors,
      input: gridValues(3 * shape[0] * shape[1] * shape[2], this.random),
    }
  }
}

function convNormPrelu(): OpCase {
  const b = new Builder()
  b.prelu('y', b.batchNorm('norm', b.conv('conv', 'x', [12, 20], 3), 20), 20)
  return b.build([8, 7, 12], 'conv, batch norm and prelu become one step')
}

function residual(): OpCase {
  const b = new Builder()
  const first = b.conv('first', 'x', [24, 24], 3)
  const relu = b.add({ name: 'relu1', op: 'relu', inputs: [first] })
  const second = b.batchNorm('norm', b.conv('second', relu, [24, 24], 3), 24)
  b.add({ name: 'sum', op: 'add', inputs: [second, 'x'] })
  b.add({ name: 'y', op: 'relu', inputs: ['sum'] })
  return b.build([7, 7, 24], 'a residual add and its relu join the convolution')
}

function scaledResidual(): OpCase {
  const b = new Builder()
  const branch = b.conv('branch', b.conv('reduce', 'x', [24, 8], 1), [8, 24], 3)
  b.add({ name: 'sum', op: 'add', inputs: ['x', branch], attributes: { factor: 0.17 } })
  b.add({ name: 'y', op: 'relu', inputs: ['sum'] })
  return b.build([7, 7, 24], 'a scaled residual add is folded into the convolution')
}

function inception(): OpCase {
  const b = new Builder()
  const relu = (from: string) => b.add({ name: `${from}.relu`, op: 'relu', inputs: [from] })
  const one = relu(b.conv('1x1', 'x', [40, 24], 1))
  const three = relu(b.conv('3x3', relu(b.conv('3x3.reduce', 'x', [40, 17], 1)), [17, 31], 3))
  const five = relu(b.conv('5x5', relu(b.conv('5x5.reduce', 'x', [40, 5], 1)), [5, 9], 5))
  const window = { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] } as const
  b.add({ name: 'pool', op: 'l2_pool', inputs: ['x'], attributes: window })
  const pool = relu(b.conv('pool.project', 'pool', [40, 13], 1))
  b.add({ name: 'y', op: 'concat', inputs: [one, three, five, pool] })
  return b.build([7, 6, 40], 'an inception block: reductions merge, branches write into the concat')
}

function nestedConcat(): OpCase {
  const b = new Builder()
  const inner = b.add({
    name: 'inner',
    op: 'concat',
    inputs: [b.conv('a', 'x', [6, 5], 3), b.conv('b', 'x', [6, 9], 1)],
  })
  b.add({ name: 'outer', op: 'concat', inputs: ['x', inner, inner] })
  b.conv('y', 'outer', [34, 8], 1)
  return b.build([5, 5, 6], 'a concat in a concat, with one input twice')
}

function padding(): OpCase {
  const b = new Builder()
  b.add({ name: 'padded', op: 'zero_pad', inputs: ['x'], attributes: { padding: [0, 0, 1, 1] } })
  b.conv('main', 'padded', [8, 20], 3, 2)
  b.add({
    name: 'pool',
    op: 'avg_pool',
    inputs: ['x'],
    attributes: { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] },
  })
  b.add({ name: 'shortcut', op: 'zero_pad', inputs: ['pool'], attributes: { padding: [0, 0, 1, 1], channels: 12 } })
  b.add({ name: 'y', op: 'add', inputs: ['main', 'shortcut'] })
  return b.build([8, 8, 8], 'a shortcut that is pooled and padded with zero channels')
}

function sharedConv(): OpCase {
  const b = new Builder()
  const conv = b.conv('conv', 'x', [10, 12], 3)
  b.add({ name: 'relu', op: 'relu', inputs: [conv] })
  b.add({ name: 'y', op: 'add', inputs: ['relu', conv], attributes: { factor: -0.5 } })
  return b.build([6, 6, 10], 'a convolution that is read before and after its relu')
}

function embeddingHead(): OpCase {
  const b = new Builder()
  const conv = b.conv('conv', 'x', [6, 16], 3)
  b.add({ name: 'pool', op: 'global_pool', inputs: [conv], attributes: { kind: 'avg' } })
  const data = normals(48 * 16, seeded(3), 0.25)
  b.tensors['fc.w'] = { shape: [48, 16], data }
  b.add({
    name: 'fc',
    op: 'fully_connected',
    inputs: ['pool'],
    attributes: { outFeatures: 48 },
    tensors: { weight: 'fc.w' },
  })
  b.add({ name: 'maxout', op: 'maxout', inputs: [b.batchNorm('norm', 'fc', 48)], attributes: { pieces: 2 } })
  b.add({ name: 'y', op: 'l2_normalize', inputs: ['maxout'] })
  return b.build([6, 5, 6], 'pool, fully connected, batch norm, maxout and L2 normalisation')
}

const cases = [
  convNormPrelu(),
  residual(),
  scaledResidual(),
  inception(),
  nestedConcat(),
  padding(),
  sharedConv(),
  embeddingHead(),
]
testCases(cases)

const switches = ['fold', 'fuse', 'mergeSiblings', 'concatInPlace'] as const

for (const item of cases) {
  for (const device of modelDevices) {
    for (const off of [...switches, 'everything'] as const) {
      test(`${item.name}, without ${off} (${device})`, async () => {
        const options = {
          device,
          ...Object.fromEntries(switches.map((name) => [name, name !== off && off !== 'everything'])),
        }
        assertWithinPrecision(await runGraph(item.graph, item.tensors!, item.input, options), item, options)
      })
    }
  }
}

for (const device of modelDevices) {
  for (const dtype of dtypesOf(device)) {
    test(`several outputs, some read by later layers (${device}, ${dtype})`, async () => {
      const item = inception()
      const graph: GraphDescription = { ...item.graph, outputs: ['y', '3x3.reduce.relu', 'pool'] }
      const outputs = await runGraph(graph, item.tensors!, item.input, { device, dtype })
      assertWithinPrecision(outputs, { ...item, graph }, { device, dtype })
    })
  }

  test(`a step writes nothing beside its output (${device})`, async () => {
    // The branches of a concat share pixels: what one writes too far lands in another.
    const item = inception()
    const [whole] = await runGraph(item.graph, item.tensors!, item.input, { device })
    const [apart] = await runGraph(item.graph, item.tensors!, item.input, { device, concatInPlace: false })
    assert.equal(whole, apart)
  })
}

test.run()
