/** A graph that does not hold together is refused with the layer's name, what it needs and what came. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import { add, concat, conv, fullyConnected, graphOf, maxout, planOf, pool, preprocess, relu } from './support.js'

const u8 = (nodes: GraphNode[], channels = 3): GraphDescription => ({
  ...graphOf(nodes, { shape: [8, 8, channels] }),
  input: { name: 'x', height: 8, width: 8, channels, dtype: 'u8' },
})

const lrn: GraphNode = {
  name: 'lrn',
  op: 'lrn',
  inputs: ['x'],
  attributes: { size: 5, alpha: 1e-4, beta: 0.75, bias: 0, alphaPer: 'element' },
}

const cases: [graph: GraphDescription, message: string][] = [
  [
    graphOf([conv('conv', 'nowhere', 8)]),
    'Expected inputs that are earlier layers for layer conv but received nowhere, which is not in the graph',
  ],
  [
    graphOf([conv('conv', 'later', 8), relu('later', 'conv')]),
    'Expected inputs that are earlier layers for layer conv but received later, which comes later',
  ],
  [graphOf([relu('twice', 'x'), relu('twice', 'x')]), 'Expected a unique name for layer twice but received it twice'],
  [graphOf([relu('x', 'x')]), 'Expected a unique name for layer x but received it twice'],
  [
    graphOf([relu('relu', 'x')], { outputs: ['gone'] }),
    'Expected the name of a layer for output gone but received an unknown name',
  ],
  [
    graphOf([relu('relu', 'x')], { outputs: ['x'] }),
    'Expected the name of a layer for output x but received an unknown name',
  ],
  [
    graphOf([relu('relu', 'x')], { outputs: ['relu', 'relu'] }),
    'Expected it once for output relu but received it twice',
  ],
  [graphOf([relu('relu', 'x')], { outputs: [] }), 'Expected at least one output for graph test but received none'],
  [
    graphOf([conv('3a/5x5', 'x', 8, { kernel: 5, padding: [0, 0, 0, 0] })], { shape: [3, 3, 16] }),
    'Expected a kernel no larger than the padded input for layer 3a/5x5 but received 5x5 over 3x3',
  ],
  [
    graphOf([conv('conv', 'x', 8, { groups: 3 })]),
    'Expected input channels divisible by groups 3 for layer conv but received 16',
  ],
  [
    graphOf([conv('conv', 'x', 9, { groups: 2 })]),
    'Expected output channels divisible by groups 2 for layer conv but received 9',
  ],
  [
    graphOf([conv('a', 'x', 8), add('sum', 'x', 'a')]),
    'Expected two inputs of one shape for layer sum but received 8x8x16 and 8x8x8',
  ],
  [graphOf([{ ...add('sum', 'x', 'x'), inputs: ['x'] }]), 'Expected 2 inputs for layer sum but received 1'],
  [graphOf([{ ...relu('relu', 'x'), inputs: [] }]), 'Expected at least one input for layer relu but received none'],
  [
    graphOf([conv('half', 'x', 8, { stride: 2 }), concat('whole', 'x', 'half')]),
    'Expected inputs of 8x8 pixels like the first for layer whole but received 4x4x8',
  ],
  [
    graphOf([pool('pool', 'x', { kernel: 2, padding: [2, 0, 0, 0] })]),
    'Expected padding smaller than the 2x2 kernel for layer pool but received top 2, left 0, bottom 0, right 0',
  ],
  [graphOf([maxout('maxout', 'x', 3)]), 'Expected channels divisible by 3 pieces for layer maxout but received 16'],
  [graphOf([lrn]), 'Expected a finite bias > 0 for layer lrn but received 0'],
  [
    graphOf([fullyConnected('fc', 'x', 2 ** 24)]),
    'Expected at most 1073741824 weights for layer fc but received 1.71799e+10',
  ],
  [
    graphOf([conv('conv', 'x', 8, { padding: [40000, 40000, 40000, 40000] })]),
    'Expected at most 268435456 elements an image for layer conv but received 80008x80008x8',
  ],
  [
    graphOf([conv('conv', 'x', 8, { stride: 2 ** 20 })]),
    'Expected a stride between 1 and 65536 for layer conv but received 1048576',
  ],
  [u8([conv('conv', 'x', 8)]), 'Expected preprocess to come before conv2d for layer conv but received x of u8'],
  [
    graphOf([preprocess('preprocess', 'x')], { shape: [8, 8, 3] }),
    'Expected a u8 image to preprocess for layer preprocess but received x of f32',
  ],
  [u8([preprocess('preprocess', 'x')], 4), 'Expected an image of 3 channels for layer preprocess but received 8x8x4'],
  [
    graphOf([relu('relu', 'x')], { shape: [8, 100000, 3] }),
    'Expected extents between 1 and 16384 for input x but received 8x100000x3',
  ],
]

for (const [graph, message] of cases) {
  test(message, () => {
    try {
      planOf(graph)
    } catch (error) {
      const { code, message: received } = error as Error & { code: string }
      assert.equal({ code, message: received }, { code: 'ERR_FACENET_MODEL_INVALID', message })
      return
    }
    assert.unreachable('the graph was accepted')
  })
}

test('each u8 reader needs its own preprocess, and may have it', () => {
  const graph = u8([preprocess('a', 'x'), preprocess('b', 'x'), add('sum', 'a', 'b')])
  assert.is(planOf(graph).steps.length, 3)
})

test.run()
