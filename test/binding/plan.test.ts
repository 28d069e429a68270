import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { native } from '../../lib/native/addon.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import { chain, channels, failure } from './support.js'

const plan = (graph: unknown, options: unknown = {}) => native().plan(graph as GraphDescription, options as object)

test('a plan reports steps, shapes, sizes and text', () => {
  const report = plan(chain(8, 2))
  assert.is(report.name, 'chain')
  assert.equal(
    report.steps.map((step) => step.op),
    ['conv2d', 'conv2d', 'global_avg_pool'],
  )
  assert.equal(report.steps[0]!.outputs, [[8, 8, channels]])
  assert.equal(report.steps[2]!.offsets, [-1], 'the last step writes to the memory of the caller')
  assert.equal(report.outputs, [[1, 1, channels]])
  assert.is(report.parameters, 2 * channels * channels * 9)
  assert.is(report.multiplyAdds, 2 * channels * channels * 9 * 64)
  assert.ok(report.arenaBytes >= 8 * 8 * channels * 4)
  assert.match(report.text, /conv0/)
})

/** `chain` with changes to its first node. */
function changed(change: (node: GraphNode & { attributes: Record<string, unknown> }) => void): GraphDescription {
  const graph = structuredClone(chain(8, 1))
  change(graph.nodes[0] as never)
  return graph
}

const bad: [string, unknown, RegExp][] = [
  ['no object', 3, /an object for graph but received 3/],
  ['no name', { nodes: [] }, /a string for name of graph but received nothing/],
  ['no input', { name: 'x' }, /name of input of graph/],
  [
    'an input of no height',
    { ...chain(8, 1), input: { ...chain(8, 1).input, height: 0 } },
    /an integer in 1\.\.2147483647 for height of input of graph but received 0/,
  ],
  ['nodes that are no array', { ...chain(8, 1), nodes: {} }, /an array for nodes of graph but received an object/],
  ['a node without name', { ...chain(8, 1), nodes: [{}] }, /a string for name of node 0/],
  [
    'an unknown op',
    changed((node) => Object.assign(node, { op: 'conv3d' })),
    /'conv2d'.* for op of node conv0 but received "conv3d"/,
  ],
  [
    'a missing attribute',
    changed((node) => Object.assign(node, { attributes: {} })),
    /of attributes of node conv0 but received nothing/,
  ],
  [
    'a kernel of one number',
    changed((node) => Object.assign(node.attributes, { kernel: [3] })),
    /an array of 2 integers for kernel of attributes of node conv0/,
  ],
  [
    'a stride of 0',
    changed((node) => Object.assign(node.attributes, { stride: [0, 1] })),
    /integers of at least 1 for stride of attributes of node conv0/,
  ],
  [
    'half a pixel of padding',
    changed((node) => Object.assign(node.attributes, { padding: [0.5, 0, 0, 0] })),
    /padding of attributes of node conv0/,
  ],
  [
    'NaN channels',
    changed((node) => Object.assign(node.attributes, { outChannels: Number.NaN })),
    /outChannels of attributes of node conv0 but received NaN/,
  ],
  [
    'a missing tensor name',
    changed((node) => Object.assign(node, { tensors: {} })),
    /a string for weight of tensors of node conv0/,
  ],
  [
    'inputs that are no strings',
    changed((node) => Object.assign(node, { inputs: [1] })),
    /strings for inputs of node conv0/,
  ],
  ['an input that nobody makes', changed((node) => Object.assign(node, { inputs: ['z'] })), /conv0/],
  ['a kernel larger than the image', changed((node) => Object.assign(node.attributes, { kernel: [99, 99] })), /conv0/],
]
for (const [name, graph, message] of bad) {
  test(`plan refuses ${name}`, async () => {
    const error = await failure(() => plan(graph))
    assert.is(error.code, 'ERR_FACENET_MODEL_INVALID', error.message)
    assert.match(error.message, message)
    assert.ok(error.argument && error.expected && error.received)
  })
}

test('plan refuses wrong options', async () => {
  const error = await failure(() => plan(chain(8, 1), { dtype: 'f64' }))
  assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
  assert.match(error.message, /one of 'f32' 'bf16' 'f16' for dtype of options but received "f64"/)
  assert.match((await failure(() => plan(chain(8, 1), { fold: 1 }))).message, /a boolean for fold of options/)
})

test('an exception of a getter passes through', async () => {
  const graph = Object.defineProperty({ ...chain(8, 1) }, 'name', {
    get() {
      throw new RangeError('mine')
    },
  })
  const error = await failure(() => plan(graph))
  assert.instance(error, RangeError)
})

test.run()
