/** Whole networks on CUDA against the reference, whose own results test/networks holds against others. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { network } from '../../lib/networks/index.js'
import type { DType } from '../../types/native.js'
import { randomTensors } from '../graph/support.js'
import { largestError, runGraph } from '../support/ops.js'
import { seeded } from '../support/random.js'

const graph = network('nn4.small2').graph()
const tensors = randomTensors(graph, 1)
const pixels = graph.input.height * graph.input.width * 3
const random = seeded(2)
const images = Uint8Array.from({ length: 2 * pixels }, () => random.integer(0, 255))
const [exact] = await runGraph(graph, tensors, images, { device: 'reference', dtype: 'f32' })

for (const dtype of ['f32', 'bf16', 'f16'] satisfies DType[]) {
  test(`nn4.small2 of one and two images (${dtype})`, async () => {
    const [reference] = await runGraph(graph, tensors, images, { device: 'reference', dtype })
    const [two] = await runGraph(graph, tensors, images, { device: 'cuda', dtype })
    const [one] = await runGraph(graph, tensors, images.subarray(0, pixels), { device: 'cuda', dtype })
    assert.equal(two!.subarray(0, one!.length), one, 'alone and in a batch')
    // In fp32 the reference accumulates in fp64: the floor is 2^-18 of embeddings whose length is 1.
    const allowed = dtype === 'f32' ? 2 ** -18 : 2 * largestError(reference!, exact!)
    const error = largestError(two!, exact!)
    assert.ok(error <= allowed, `error ${error} is above ${allowed}`)
  })
}

test.run()
