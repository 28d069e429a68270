/** An image gives the same bytes wherever it stands in a batch, in batches and chunks of any size, with any number of threads. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { newCancel } from '../../lib/native/queue.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import type { DeviceKind, DType, NativeModel } from '../../types/native.js'
import { fullyConnected, graphOf, pool, randomTensors } from '../graph/support.js'
import { cudaAddon, cudaTest, emulate, isEmulated } from '../support/addons.js'
import type { Tensors } from '../support/evaluate.js'
import { dtypesOf, modelDevices, runGraph, weightSource } from '../support/ops.js'
import { normals, seeded } from '../support/random.js'

const side = 19
const pixels = side * side * 3

/** Every kind of op on the way from pixels to an embedding. */
function network(): { graph: GraphDescription; tensors: Tensors } {
  const random = seeded(1)
  const tensors: Tensors = {}
  const tensor = (name: string, shape: number[]) => {
    tensors[name] = {
      shape,
      data: normals(
        shape.reduce((product, size) => product * size, 1),
        random,
        0.2,
      ),
    }
    return name
  }
  const conv = (name: string, from: string, shape: [number, number, number], stride = 1, groups = 1): GraphNode => {
    const [inputs, outChannels, kernel] = shape
    const around = (kernel - 1) / 2
    const weight = tensor(`${name}.w`, [outChannels, inputs / groups, kernel, kernel])
    return {
      name,
      op: 'conv2d',
      inputs: [from],
      attributes: {
        kernel: [kernel, kernel],
        stride: [stride, stride],
        padding: [around, around, around, around],
        outChannels,
        groups,
      },
      tensors: { weight, bias: tensor(`${name}.b`, [outChannels]) },
    }
  }
  const window = { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] } as const
  const nodes: GraphNode[] = [
    { name: 'input', op: 'preprocess', inputs: ['image'], attributes: { mode: 'per-image', color: 'rgb' } },
    conv('stem', 'input', [3, 32, 7], 2),
    { name: 'stem.prelu', op: 'prelu', inputs: ['stem'], tensors: { slope: tensor('slope', [32]) } },
    {
      name: 'lrn',
      op: 'lrn',
      inputs: ['stem.prelu'],
      attributes: { size: 5, alpha: 0.1, beta: 0.75, bias: 1, alphaPer: 'window' },
    },
    conv('depthwise', 'lrn', [32, 32, 3], 1, 32),
    conv('a', 'depthwise', [32, 17, 1]),
    conv('b', 'depthwise', [32, 40, 3]),
    { name: 'pool', op: 'l2_pool', inputs: ['depthwise'], attributes: window },
    { name: 'concat', op: 'concat', inputs: ['a', 'b', 'pool'] },
    conv('mix', 'concat', [89, 89, 3]),
    { name: 'sum', op: 'add', inputs: ['concat', 'mix'], attributes: { factor: 0.2 } },
    { name: 'relu', op: 'relu', inputs: ['sum'] },
    { name: 'average', op: 'avg_pool', inputs: ['relu'], attributes: { ...window, countPadding: true } },
    {
      name: 'fc',
      op: 'fully_connected',
      inputs: ['average'],
      attributes: { outFeatures: 64 },
      tensors: { weight: tensor('fc.w', [64, 89 * 10 * 10]), bias: tensor('fc.b', [64]) },
    },
    { name: 'maxout', op: 'maxout', inputs: ['fc'], attributes: { pieces: 2 } },
    { name: 'embedding', op: 'l2_normalize', inputs: ['maxout'] },
  ]
  const input = { name: 'image', height: side, width: side, channels: 3, dtype: 'u8' as const }
  return { graph: { name: 'every op', input, nodes, outputs: ['embedding'] }, tensors }
}

const { graph, tensors } = network()

const noise = (count: number, seed: number) => {
  const random = seeded(seed)
  return Uint8Array.from({ length: count * pixels }, () => random.integer(0, 255))
}

/** Fewer on the emulated device, which is slow. Chunks of the CPU backends hold at most 32 images. */
const sizesOf = (device: DeviceKind) =>
  device === 'cuda' && isEmulated
    ? { counts: [2, 9, 33], threads: [3] }
    : { counts: [2, 3, 8, 33, 35], threads: [2, 3, 8] }

for (const device of modelDevices) {
  const sizes = sizesOf(device)
  for (const dtype of dtypesOf(device)) {
    test(`the place of an image in a batch does not matter (${device}, ${dtype})`, async () => {
      const images = noise(Math.max(...sizes.counts), 2)
      const [alone] = await runGraph(graph, tensors, images.subarray(0, pixels), { device, dtype })
      for (const count of sizes.counts) {
        const batch = images.slice(0, count * pixels)
        const places = [0, 1, count - 1]
        for (const place of places) batch.copyWithin(place * pixels, 0, pixels)
        const [together] = await runGraph(graph, tensors, batch, { device, dtype })
        for (const place of places) {
          assert.equal(together!.subarray(place * 32, (place + 1) * 32), alone, `place ${place} of ${count}`)
        }
      }
    })

    test(`threads do not change the result (${device}, ${dtype})`, async () => {
      const images = noise(3, 3)
      const [one] = await runGraph(graph, tensors, images, { device, dtype, threads: 1 })
      for (const threads of sizes.threads) {
        const options = { device, dtype, threads, shareLayers: true }
        assert.equal((await runGraph(graph, tensors, images, options))[0], one, `${threads} threads`)
      }
    })
  }

  test(`different images give different embeddings (${device})`, async () => {
    const [two] = await runGraph(graph, tensors, noise(2, 4), { device })
    assert.not.equal(two!.subarray(0, 32), two!.subarray(32))
  })
}

const openOnCuda = (dtype: DType, of = { graph, tensors }) =>
  cudaAddon().openModel(of.graph, weightSource(of.tensors), { device: 'cuda', threads: 2, dtype })

async function rowsOf(model: NativeModel, input: Uint8Array | Float32Array, count: number): Promise<Float32Array> {
  const out = new Float32Array(count * model.outputs[0]![2])
  await model.run(input, count, [out], newCancel())
  return out
}

for (const dtype of ['bf16', 'f16'] satisfies DType[]) {
  cudaTest(`sums in splits do not depend on the batch (cuda, ${dtype})`, async () => {
    const [terms, features] = [2048, 64]
    // Copies put the product's ends on 16 bits, and batches of these counts on different tiles.
    const nodes = [
      pool('copy', 'x', { kernel: 1 }),
      fullyConnected('fc', 'copy', features),
      pool('y', 'fc', { kernel: 1 }),
    ]
    const long = graphOf(nodes, { shape: [1, 1, terms] })
    const model = await openOnCuda(dtype, { graph: long, tensors: randomTensors(long, 5) })
    assert.match(model.kernels[1]!, / splits/)
    const rows = normals(200 * terms, seeded(6))
    const all = await rowsOf(model, rows, 200)
    for (const count of [1, 17, 65]) {
      const some = await rowsOf(model, rows.subarray(0, count * terms), count)
      assert.equal(some, all.subarray(0, count * features), `${count} rows`)
    }
    model.dispose()
  })
}

if (isEmulated) {
  test('the size of chunks does not matter (cuda)', async () => {
    const images = noise(5, 7)
    const roomy = await openOnCuda('bf16')
    await rowsOf(roomy, images.subarray(0, pixels), 1)
    const one = roomy.memoryBytes
    await rowsOf(roomy, images.subarray(0, 2 * pixels), 2)
    const image = roomy.memoryBytes - one
    const expected = await rowsOf(roomy, images, 5)
    roomy.dispose()
    // An executor fills nine tenths of what its weights leave free: here two images' worth, so there are three chunks.
    // It is opened before, since a layer's weights are packed from fp32 copies of them, which are gone afterwards.
    const narrow = await openOnCuda('bf16')
    emulate(`memory=${Math.ceil(one - image + (2.5 * image) / 0.9)}`)
    try {
      assert.equal(await rowsOf(narrow, images, 5), expected)
      assert.is(narrow.memoryBytes, one + image)
      narrow.dispose()
    } finally {
      emulate('')
    }
  })
}

test.run()
