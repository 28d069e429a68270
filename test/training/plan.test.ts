/** The backward plan that follows from a forward graph: order, who writes and who adds, memory. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { networkNames, networks } from '../../lib/convert/networks/index.js'
import { native } from '../../lib/native/addon.js'
import { failure } from '../binding/support.js'
import { concat, conv, fullyConnected, graphOf, l2Normalize, prelu, relu } from '../graph/support.js'

const options = { frozen: [] as string[], chunk: 0, memoryBytes: 0 }
const graph = graphOf(
  [
    conv('a', 'x', 4),
    relu('a/relu', 'a'),
    conv('b', 'a/relu', 4),
    prelu('b/prelu', 'b'),
    conv('c', 'a/relu', 8),
    concat('bc', 'b/prelu', 'c'),
    fullyConnected('fc', 'bc', 4),
    l2Normalize('y', 'fc'),
  ],
  { shape: [4, 4, 3] },
)

test('backward steps come in reverse; a tensor that two steps read is written by one and added to by the other', () => {
  const plan = native().trainingPlan(graph, options)
  assert.equal(
    plan.backward.map(({ layers, weights }) => `${layers.join(' ')}${weights ? ' +' : ''}`),
    ['y', 'fc +', 'c bc +', 'b/prelu +', 'b +', 'a a/relu +'],
  )
  const lines = plan.text.split('\n')
  const backward = lines.slice(lines.findIndex((line) => line.includes('backward of')) + 1, -2)
  assert.equal(
    backward.map((line) => line.match(/ -> (\S+)/)?.[1]),
    ['=1x1x4', '=4x4x12', '=4x4x4', '=4x4x4', '+=4x4x4', '-'],
  )
})

test('every activation is kept; gradients share memory', () => {
  const plan = native().trainingPlan(graph, options)
  // a, b and the concat of 16 pixels, fc and y of 4 floats, each a multiple of 64 bytes; prelu and c are in the concat.
  assert.is(plan.keptBytes, 256 + 256 + 768 + 64 + 64)
  assert.ok(plan.gradientBytes <= 768 + 256 + 256, `${plan.gradientBytes}`)
  assert.is(plan.chunk, 64)
  const bytes = plan.keptBytes + plan.gradientBytes
  assert.is(native().trainingPlan(graph, { ...options, memoryBytes: 10 * bytes + 1 }).chunk, 10)
  assert.is(native().trainingPlan(graph, { ...options, memoryBytes: 1 }).chunk, 1)
  assert.is(native().trainingPlan(graph, { ...options, chunk: 77 }).chunk, 77)
})

for (const name of networkNames) {
  test(`${name}: every step but the image goes backward, and gradients take far less than activations`, () => {
    const network = networks[name].graph()
    const plan = native().trainingPlan(network, options)
    const forward = new Set(plan.backward.flatMap(({ layers }) => layers))
    // What comes before the first weight has no gradient.
    const missing = network.nodes.filter((node) => !forward.has(node.name)).map(({ op }) => op)
    assert.equal(missing, ['preprocess'])
    assert.ok(plan.gradientBytes < plan.keptBytes / 2)
  })
}

test('what cannot be trained is refused', async () => {
  const open = (changes: object, frozen: string[] = []) =>
    failure(() => native().trainingPlan({ ...graph, ...changes }, { ...options, frozen }))
  assert.match((await open({ outputs: ['fc', 'y'] })).message, /one, the embedding/)
  assert.match((await open({}, ['z*'])).message, /frozen.* z\*/)
  assert.match((await open({}, ['*'])).message, /at least one weight/)
})

test.run()
