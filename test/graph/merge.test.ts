/** Pointwise convolutions of one input become one step with an output each. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { add, conv, graphOf, planOf, pool, relu, stepsOf } from './support.js'

const siblings = [conv('a', 'x', 8), relu('a/relu', 'a'), conv('b', 'x', 4), conv('c', 'x', 12)]
const ends = ['a/relu', 'b', 'c'].map((name) => conv(`${name}/3x3`, name, 4, { kernel: 3 }))
const outputs = ends.map(({ name }) => name)

test('siblings become one step with an output each, each with its own activation', () => {
  const plan = planOf(graphOf([...siblings, ...ends], { outputs }))
  assert.equal(plan.steps[0]!.layers, ['a', 'a/relu', 'b', 'c'])
  assert.equal(plan.steps[0]!.outputs, [
    [8, 8, 8],
    [8, 8, 4],
    [8, 8, 12],
  ])
  assert.is(plan.steps[0]!.parameters, 16 * 24 + 24)
  assert.is(plan.steps[0]!.multiplyAdds, 64 * 16 * 24)
  assert.is(plan.steps.length, 4)
})

test('they stay apart where merging is switched off', () => {
  assert.is(planOf(graphOf([...siblings, ...ends], { outputs }), { mergeSiblings: false }).steps.length, 6)
})

test('other windows, groups and inputs, residuals and outputs stay apart', () => {
  const apart = [
    conv('a', 'x', 16),
    conv('strided', 'x', 16, { stride: 2 }),
    conv('3x3', 'x', 16, { kernel: 3 }),
    conv('grouped', 'x', 16, { groups: 2 }),
    conv('padded', 'x', 16, { padding: [1, 1, 1, 1] }),
    conv('residual', 'x', 16),
    add('sum', 'x', 'residual'),
    pool('pool', 'x'),
    conv('other', 'pool', 16),
    conv('a/end', 'a', 4),
  ]
  const ends = ['strided', '3x3', 'grouped', 'padded', 'sum', 'other', 'a/end']
  const graph = graphOf(apart, { outputs: ends })
  assert.equal(
    stepsOf(graph).filter((step) => step.includes('conv2d')),
    [
      'conv2d: a',
      'conv2d: strided',
      'conv2d: 3x3',
      'conv2d: grouped',
      'conv2d: padded',
      'conv2d: residual sum',
      'conv2d: other',
      'conv2d: a/end',
    ],
  )
})

test.run()
