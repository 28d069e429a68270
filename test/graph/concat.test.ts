/** Whoever makes an input of a concat writes it straight into the concat's buffer. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GraphNode } from '../../types/graph.js'
import { concat, conv, graphOf, planOf, pool, relu, stepsOf, stepWith } from './support.js'

const end = (from: string): GraphNode => conv('end', from, 4)

/** Arena offsets of the tensors that layers make, counted from that of the first, in channels of f32. */
function channelsOf(nodes: GraphNode[], layers: string[]): number[] {
  const plan = planOf(graphOf(nodes), { mergeSiblings: false })
  const offsets = layers.map((layer) => stepWith(plan, layer).offsets[0]!)
  return offsets.map((offset) => (offset - offsets[0]!) / 4)
}

const inception = [
  conv('1x1', 'x', 8),
  relu('1x1/relu', '1x1'),
  conv('3x3_reduce', 'x', 12),
  conv('3x3', '3x3_reduce', 16, { kernel: 3 }),
  conv('5x5_reduce', 'x', 4),
  conv('5x5', '5x5_reduce', 4, { kernel: 5 }),
  pool('pool', 'x'),
  conv('proj', 'pool', 8),
  concat('block', '1x1/relu', '3x3', '5x5', 'proj'),
  end('block'),
]

test('an inception block: reductions merge, every branch writes its slice, no concat is left', () => {
  assert.equal(stepsOf(graphOf(inception)), [
    'conv2d: 1x1 1x1/relu 3x3_reduce 5x5_reduce',
    'conv2d: 3x3',
    'conv2d: 5x5',
    'max_pool: pool',
    'conv2d: proj block',
    'conv2d: end',
  ])
  assert.equal(channelsOf(inception, ['1x1', '3x3', '5x5', 'proj']), [0, 8, 24, 28])
})

test('a concat stays where writing in place is switched off', () => {
  const concats = stepsOf(graphOf(inception), { concatInPlace: false }).filter((step) => step.startsWith('concat'))
  assert.equal(concats, ['concat: block'])
})

test('the channels follow the inputs of the concat, not the order of the steps', () => {
  const nodes = [conv('a', 'x', 8), conv('b', 'x', 4), concat('whole', 'b', 'a'), end('whole')]
  assert.equal(channelsOf(nodes, ['b', 'a']), [0, 4])
})

test('concats of concats flatten', () => {
  const nodes = [
    conv('a', 'x', 4),
    conv('b', 'x', 8),
    concat('inner', 'a', 'b'),
    conv('c', 'inner', 12, { kernel: 3 }),
    concat('outer', 'c', 'inner'),
    end('outer'),
  ]
  assert.not(stepsOf(graphOf(nodes)).some((step) => step.startsWith('concat')))
  assert.equal(channelsOf(nodes, ['c', 'a', 'b']), [0, 12, 16])
})

test('other readers of a branch read its slice', () => {
  const nodes = [conv('a', 'x', 8), conv('b', 'a', 8, { kernel: 3 }), concat('whole', 'a', 'b'), end('whole')]
  assert.equal(stepsOf(graphOf(nodes)), ['conv2d: a', 'conv2d: b whole', 'conv2d: end'])
})

test('an output is dense: neither a slice nor made of slices', () => {
  const nodes = [conv('a', 'x', 8, { kernel: 3 }), conv('b', 'x', 8, { kernel: 5 }), concat('whole', 'a', 'b')]
  const whole = planOf(graphOf(nodes))
  assert.equal(stepWith(whole, 'whole').op, 'concat')
  assert.equal(stepWith(whole, 'whole').offsets, [-1])
  const branch = planOf(graphOf([...nodes, end('whole')], { outputs: ['a', 'end'] }))
  assert.equal(stepWith(branch, 'a').offsets, [-1])
  assert.equal(stepWith(branch, 'whole').inputs, [[8, 8, 8]])
})

test("the graph's input, and what another concat holds, is copied", () => {
  const nodes = [
    conv('a', 'x', 8),
    concat('first', 'a', 'x'),
    pool('pool', 'first'),
    concat('second', 'a', 'pool'),
    end('second'),
  ]
  const plan = planOf(graphOf(nodes))
  assert.equal(stepWith(plan, 'first').op, 'concat')
  assert.equal(stepWith(plan, 'first').inputs, [
    [8, 8, 8],
    [8, 8, 16],
  ])
  assert.equal(stepWith(plan, 'second').op, 'max_pool')
})

test('a tensor that comes twice is in place once', () => {
  const plan = planOf(graphOf([conv('a', 'x', 8), concat('whole', 'a', 'a'), end('whole')]))
  const copy = stepWith(plan, 'whole')
  assert.equal([copy.inputs, copy.outputs], [[[8, 8, 8]], [[8, 8, 8]]])
  assert.is(copy.offsets[0]! - stepWith(plan, 'a').offsets[0]!, 8 * 4)
})

test('a slice starts at a multiple of 16 bytes in every pixel, or is copied', () => {
  const nodes = (a: number, b: number, c: number) => [
    conv('a', 'x', a, { kernel: 3 }),
    conv('b', 'x', b, { kernel: 5 }),
    pool('pool', 'x'),
    conv('c', 'pool', c),
    concat('whole', 'a', 'b', 'c'),
    end('whole'),
  ]
  const copied = (graph: GraphNode[], dtype: 'f32' | 'bf16') =>
    planOf(graphOf(graph), { dtype })
      .steps.filter(({ op }) => op === 'concat')
      .map(({ inputs }) => inputs.map(([, , channels]) => channels))
  assert.equal(copied(nodes(8, 12, 12), 'f32'), [])
  assert.equal(copied(nodes(8, 12, 12), 'bf16'), [[12]])
  assert.equal(copied(nodes(6, 10, 16), 'f32'), [[10]])
  assert.equal(copied(nodes(8, 8, 5), 'f32'), [[8, 8, 5]])
})

test.run()
