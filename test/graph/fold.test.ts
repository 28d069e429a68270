/** Norms disappear into the convolution or fully connected layer before them, where that changes no result. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { affine, batchNorm, conv, fullyConnected, graphOf, maxout, planOf, relu, stepsOf } from './support.js'

test('a batch norm after a convolution', () => {
  const graph = graphOf([conv('conv', 'x', 8), batchNorm('norm', 'conv')])
  assert.equal(stepsOf(graph), ['conv2d: conv norm'])
  assert.equal(stepsOf(graph, { fold: false }), ['conv2d: conv', 'batch_norm: norm'])
})

test('a chain of norms after a convolution', () => {
  const graph = graphOf([conv('conv', 'x', 8), batchNorm('norm', 'conv'), affine('affine', 'norm')])
  assert.equal(stepsOf(graph), ['conv2d: conv norm affine'])
})

test('a batch norm after a fully connected layer', () => {
  const graph = graphOf([fullyConnected('fc', 'x', 8), batchNorm('norm', 'fc'), relu('relu', 'norm')])
  assert.equal(stepsOf(graph), ['fully_connected: fc norm relu'])
})

test('a batch norm before maxout, but not after it', () => {
  const before = graphOf([fullyConnected('fc', 'x', 8), batchNorm('norm', 'fc'), maxout('maxout', 'norm')])
  assert.equal(stepsOf(before), ['fully_connected: fc norm maxout'])
  const after = graphOf([fullyConnected('fc', 'x', 8), maxout('maxout', 'fc'), batchNorm('norm', 'maxout')])
  assert.equal(stepsOf(after), ['fully_connected: fc maxout', 'batch_norm: norm'])
})

test('not after an activation', () => {
  const graph = graphOf([conv('conv', 'x', 8), relu('relu', 'conv'), batchNorm('norm', 'relu')])
  assert.equal(stepsOf(graph), ['conv2d: conv relu', 'batch_norm: norm'])
})

test('not where another layer reads the convolution', () => {
  const graph = graphOf([conv('conv', 'x', 8), batchNorm('norm', 'conv'), relu('relu', 'conv')], {
    outputs: ['norm', 'relu'],
  })
  assert.equal(stepsOf(graph), ['conv2d: conv', 'batch_norm: norm', 'relu: relu'])
})

test('not where the convolution is an output', () => {
  const graph = graphOf([conv('conv', 'x', 8), batchNorm('norm', 'conv')], { outputs: ['conv', 'norm'] })
  assert.equal(stepsOf(graph), ['conv2d: conv', 'batch_norm: norm'])
})

test('keeps the counts of the layers it takes in', () => {
  const graph = graphOf([conv('conv', 'x', 8), batchNorm('norm', 'conv')])
  const [step] = planOf(graph).steps
  assert.is(step!.parameters, 16 * 8 + 8 + 2 * 8)
  assert.is(step!.multiplyAdds, 8 * 8 * 16 * 8)
})

test.run()
