/** Whatever the planner does to a graph, its outputs stay those of the separate layers. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GraphDescription } from '../../types/graph.js'
import type { PlanOptions } from '../../types/native.js'
import { largestError, modelDevices, runGraph } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'
import { choices } from './random_choices.js'
import { randomGraph, randomTensors } from './support.js'

const plain: PlanOptions = { fold: false, fuse: false, mergeSiblings: false, concatInPlace: false }

/**
 * Folding rounds a weight once more and fusing rounds an activation once less, so results differ by fp32 rounding, which
 * up to 40 layers of random weights amplify: 5e-6 of the largest value was the most in 45,000 plans.
 */
const tolerance = 5e-5

const inputOf = ({ input: { height, width, channels } }: GraphDescription, count: number) =>
  gridValues(count * height * width * channels, seeded(7))

for (const device of modelDevices) {
  test(`random graphs, with every set of options (${device})`, async () => {
    await fc.assert(
      fc.asyncProperty(choices, fc.nat(), fc.nat({ max: 14 }), async (recipe, inner, switches) => {
        const graph = randomGraph(recipe, inner)
        const tensors = randomTensors(graph, inner)
        const options = {
          device,
          fold: (switches & 1) === 0,
          fuse: (switches & 2) === 0,
          mergeSiblings: (switches & 4) === 0,
          concatInPlace: (switches & 8) === 0,
        }
        const expected = await runGraph(graph, tensors, inputOf(graph, 2), { ...plain, device: 'reference' })
        const outputs = await runGraph(graph, tensors, inputOf(graph, 2), options)
        outputs.forEach((output, i) => {
          const largest = expected[i]!.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
          const error = largestError(output, expected[i]!)
          assert.ok(error <= tolerance * largest, `output ${graph.outputs[i]}: ${error} of ${largest}`)
        })
      }),
      { numRuns: 150 },
    )
  })
}

test('writing into a concat, merging and the layout of the arena change no bit', async () => {
  await fc.assert(
    fc.asyncProperty(choices, fc.nat(), async (recipe, inner) => {
      const graph = randomGraph(recipe, inner)
      const tensors = randomTensors(graph, inner)
      const apart = { mergeSiblings: false, concatInPlace: false }
      const input = inputOf(graph, 2)
      assert.equal(await runGraph(graph, tensors, input), await runGraph(graph, tensors, input, apart))
    }),
    { numRuns: 100 },
  )
})

test.run()
