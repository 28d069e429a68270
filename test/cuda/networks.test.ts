/** Whole networks, and parts of them, on CUDA. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type NetworkName, network } from '../../lib/convert/networks/index.js'
import type { GraphDescription } from '../../types/graph.js'
import type { DType } from '../../types/native.js'
import { randomTensors } from '../graph/support.js'
import { emulate, isEmulated } from '../support/addons.js'
import { evaluate, type Tensors } from '../support/evaluate.js'
import { assertWithinPrecision, largestError, runGraph } from '../support/ops.js'
import { precisions, ulp } from '../support/precision.js'
import { gridValues, seeded } from '../support/random.js'
import { beginning, cut, narrowed } from './shrink.js'

interface Case {
  graph: GraphDescription
  tensors: Tensors
  input: Uint8Array | Float32Array
}

const dtypes: DType[] = ['f32', 'bf16', 'f16']
/** In which the emulator takes a block's threads, and blocks, where they do not wait for each other. */
const orders = isEmulated ? ['order=reverse', 'order=shuffled seed=5'] : []

function caseOf(graph: GraphDescription, count = 1): Case {
  const { height, width, channels, dtype } = graph.input
  const [random, size] = [seeded(2), count * height * width * channels]
  const input =
    dtype === 'u8' ? Uint8Array.from({ length: size }, () => random.integer(0, 255)) : gridValues(size, random)
  return { graph, tensors: randomTensors(graph, 1), input }
}

const run = async ({ graph, tensors, input }: Case, device: 'reference' | 'cuda', dtype: DType) =>
  (await runGraph(graph, tensors, input, { device, dtype }))[0]!

/**
 * What `assertWithinPrecision` asks for, of cases that are too large for its oracle: the reference in fp32 accumulates in
 * fp64 and stands for it, and in 16 bits the reference is the plain loop. In fp32 the plain loop is run, on one image.
 */
async function assertNear(actual: Float32Array, item: Case, dtype: DType): Promise<void> {
  const exact = await run(item, 'reference', 'f32')
  const loop =
    dtype === 'f32'
      ? evaluate(item.graph, item.tensors, item.input, 1, precisions.f32)[0]!
      : await run(item, 'reference', dtype)
  const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const allowed = largest * (dtype === 'f32' ? 4 * ulp.f32 : ulp[dtype] / 2) + 2 * largestError(loop, exact)
  const error = largestError(actual, exact)
  assert.ok(error <= allowed, `error ${error} is above ${allowed}`)
}

async function assertSameInEveryOrder(item: Case, expected: Float32Array, dtype: DType): Promise<void> {
  try {
    for (const order of orders) {
      emulate(order)
      assert.equal(await run(item, 'cuda', dtype), expected, order)
    }
  } finally {
    emulate('')
  }
}

/** At an eighth of their channels. All windows find room in images of these sizes. */
const sizes: Record<NetworkName, readonly [height: number, width: number]> = {
  nn1: [110, 110],
  nn2: [112, 112],
  nn3: [80, 80],
  nn4: [96, 96],
  nns1: [83, 83],
  nns2: [140, 116],
  'nn4.small2': [96, 96],
  'inception-resnet-v1': [96, 96],
}

for (const [name, size] of Object.entries(sizes)) {
  const item = caseOf(narrowed(network(name).graph(), 8, size))
  for (const dtype of dtypes) {
    test(`${name} at an eighth of its width (${dtype})`, async () => {
      const output = await run(item, 'cuda', dtype)
      assertWithinPrecision([output], { name, ...item }, { device: 'cuda', dtype })
      if (name === 'nn4.small2') await assertSameInEveryOrder(item, output, dtype)
    })
  }
}

for (const dtype of dtypes) {
  test(`nn4.small2 of one and two images (${dtype})`, async () => {
    const two = caseOf(network('nn4.small2').graph(), 2)
    const one = { ...two, input: two.input.subarray(0, two.input.length / 2) }
    const alone = await run(one, 'cuda', dtype)
    await assertNear(alone, one, dtype)
    const together = await run(two, 'cuda', dtype)
    assert.equal(together.subarray(0, alone.length), alone, 'alone and in a batch')
    if (dtype !== 'f32') await assertNear(together, two, dtype)
  })
}

const nn2 = network('nn2').graph()
// In fp32 only the block: that of the stem alone would take as long as all networks above, and nn4.small2 has it too.
for (const [name, part, types] of [
  ['stem', beginning(nn2, 'pool2'), ['bf16']],
  ['block 3a', cut(nn2, 'pool2', 'inception3a'), ['f32', 'bf16']],
] as const) {
  for (const dtype of types) {
    test(`the ${name} of nn2 at full size (${dtype})`, async () => {
      const item = caseOf(part)
      const output = await run(item, 'cuda', dtype)
      await assertNear(output, item, dtype)
      if (dtype !== 'f32') await assertSameInEveryOrder(item, output, dtype)
    })
  }
}

test.run()
