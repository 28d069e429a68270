/** Activations, residual adds and maxout join the step before them, where nobody else sees what is between. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { add, batchNorm, conv, fullyConnected, graphOf, maxout, pool, prelu, relu, stepsOf } from './support.js'

test('an activation joins a convolution, a fully connected layer and an add', () => {
  assert.equal(stepsOf(graphOf([conv('conv', 'x', 8), prelu('prelu', 'conv')])), ['conv2d: conv prelu'])
  assert.equal(stepsOf(graphOf([fullyConnected('fc', 'x', 8), relu('relu', 'fc')])), ['fully_connected: fc relu'])
  const sum = graphOf([pool('pool', 'x'), add('add', 'x', 'pool'), relu('relu', 'add')])
  assert.equal(stepsOf(sum), ['max_pool: pool', 'add: add relu'])
})

test('a second activation, and one after a pool or a norm, stays', () => {
  const twice = graphOf([conv('conv', 'x', 8), relu('first', 'conv'), prelu('second', 'first')])
  assert.equal(stepsOf(twice), ['conv2d: conv first', 'prelu: second'])
  assert.equal(stepsOf(graphOf([pool('pool', 'x'), relu('relu', 'pool')])), ['max_pool: pool', 'relu: relu'])
  assert.equal(stepsOf(graphOf([batchNorm('norm', 'x'), relu('relu', 'norm')])), ['batch_norm: norm', 'relu: relu'])
})

test('nothing is fused where that is switched off', () => {
  const graph = graphOf([conv('conv', 'x', 16), add('add', 'x', 'conv'), relu('relu', 'add')])
  assert.equal(stepsOf(graph, { fuse: false }), ['conv2d: conv', 'add: add', 'relu: relu'])
})

test('a residual block is one step a convolution', () => {
  const graph = graphOf([
    conv('1', 'x', 16, { kernel: 3 }),
    batchNorm('1/bn', '1'),
    relu('1/relu', '1/bn'),
    conv('2', '1/relu', 16, { kernel: 3 }),
    batchNorm('2/bn', '2'),
    add('sum', '2/bn', 'x'),
    relu('relu', 'sum'),
  ])
  assert.equal(stepsOf(graph), ['conv2d: 1 1/bn 1/relu', 'conv2d: 2 2/bn sum relu'])
})

test('a scaled residual joins the branch that is scaled', () => {
  const graph = graphOf([conv('branch', 'x', 16), add('sum', 'x', 'branch', 0.17), relu('relu', 'sum')])
  assert.equal(stepsOf(graph), ['conv2d: branch sum relu'])
})

test('a scaled residual does not join the branch that is not scaled', () => {
  const graph = graphOf([pool('pool', 'x'), conv('main', 'x', 16), add('sum', 'main', 'pool', 0.17)])
  assert.equal(stepsOf(graph), ['max_pool: pool', 'conv2d: main', 'add: sum'])
})

test('a projected shortcut joins the convolution that runs last', () => {
  const shortcutFirst = graphOf([
    conv('short', 'x', 8),
    conv('main', 'x', 8, { kernel: 3 }),
    add('sum', 'main', 'short'),
  ])
  assert.equal(stepsOf(shortcutFirst), ['conv2d: short', 'conv2d: main sum'])
  const shortcutLast = graphOf([
    conv('main', 'x', 8, { kernel: 3 }),
    conv('short', 'x', 8),
    add('sum', 'main', 'short'),
  ])
  assert.equal(stepsOf(shortcutLast), ['conv2d: main', 'conv2d: short sum'])
})

test('an add stays where the other side is not ready before the convolution', () => {
  const graph = graphOf([conv('conv', 'x', 16), pool('pool', 'x'), add('sum', 'pool', 'conv')])
  assert.equal(stepsOf(graph), ['conv2d: conv', 'max_pool: pool', 'add: sum'])
})

test('an add stays where the convolution has an activation', () => {
  const graph = graphOf([conv('conv', 'x', 16), relu('relu', 'conv'), add('sum', 'x', 'relu')])
  assert.equal(stepsOf(graph), ['conv2d: conv relu', 'add: sum'])
})

test('an add stays where the convolution is read twice, even by the add itself', () => {
  const shared = graphOf([conv('conv', 'x', 16), add('sum', 'x', 'conv'), pool('pool', 'conv')], {
    outputs: ['sum', 'pool'],
  })
  assert.equal(stepsOf(shared), ['conv2d: conv', 'add: sum', 'max_pool: pool'])
  assert.equal(stepsOf(graphOf([conv('conv', 'x', 16), add('sum', 'conv', 'conv')])), ['conv2d: conv', 'add: sum'])
})

test('an output stays what it is', () => {
  const graph = graphOf([conv('conv', 'x', 16), add('sum', 'x', 'conv'), relu('relu', 'sum')], {
    outputs: ['conv', 'relu'],
  })
  assert.equal(stepsOf(graph), ['conv2d: conv', 'add: sum relu'])
})

test('maxout joins a fully connected layer, before the activation only', () => {
  const before = graphOf([fullyConnected('fc', 'x', 8), maxout('maxout', 'fc'), relu('relu', 'maxout')])
  assert.equal(stepsOf(before), ['fully_connected: fc maxout relu'])
  const after = graphOf([fullyConnected('fc', 'x', 8), relu('relu', 'fc'), maxout('maxout', 'relu')])
  assert.equal(stepsOf(after), ['fully_connected: fc relu', 'maxout: maxout'])
})

test.run()
