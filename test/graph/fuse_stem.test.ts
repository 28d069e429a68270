/** A fixed preprocess joins the convolution behind it, where that is asked for and nobody else sees the image. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import { add, batchNorm, conv, planOf, pool, preprocess, relu, stepsOf } from './support.js'

const imageGraph = (nodes: GraphNode[], outputs = [nodes.at(-1)!.name]): GraphDescription => ({
  name: 'test',
  input: { name: 'image', height: 12, width: 12, channels: 3, dtype: 'u8' },
  nodes,
  outputs,
})

const fuseStem = true
const perImage: GraphNode = {
  name: 'pre',
  op: 'preprocess',
  inputs: ['image'],
  attributes: { mode: 'per-image', color: 'rgb' },
}
const apart = (...layers: string[]) => ['preprocess: pre', ...layers]

test('a stem reads the image itself, with all that was fused into it', () => {
  const graph = imageGraph([
    preprocess('pre', 'image'),
    conv('stem', 'pre', 16, { kernel: 7, stride: 2 }),
    batchNorm('norm', 'stem'),
    relu('relu', 'norm'),
    pool('pool', 'relu'),
  ])
  assert.equal(stepsOf(graph, { fuseStem }), ['conv2d: pre stem norm relu', 'max_pool: pool'])
  assert.equal(stepsOf(graph), apart('conv2d: stem norm relu', 'max_pool: pool'))
})

test('the printed plan shows it', () => {
  const graph = imageGraph([preprocess('pre', 'image'), conv('stem', 'pre', 16, { kernel: 3, stride: 2 })])
  const [title, , stem] = planOf(graph, { fuseStem }).text.split('\n')
  assert.is(title, 'test: 12x12x3 u8, activations f32, stem fused')
  assert.match(stem!, /^1 {2}preprocess conv2d 3x3\/2 {2}12x12x3 -> 6x6x16 .* pre stem$/)
})

test('a preprocess whose result others see stays', () => {
  const seen = [preprocess('pre', 'image'), conv('stem', 'pre', 3, { kernel: 3 })]
  const added = imageGraph([...seen, add('sum', 'stem', 'pre')])
  assert.equal(stepsOf(added, { fuseStem, fuse: false }), apart('conv2d: stem', 'add: sum'))
  assert.equal(stepsOf(added, { fuseStem }), apart('conv2d: stem sum'))
  assert.equal(stepsOf(imageGraph(seen, ['pre', 'stem']), { fuseStem }), apart('conv2d: stem'))
  const siblings = imageGraph([preprocess('pre', 'image'), conv('a', 'pre', 8), conv('b', 'pre', 8)], ['a', 'b'])
  assert.equal(stepsOf(siblings, { fuseStem }), apart('conv2d: a', 'conv2d: b'))
})

test('a residual is still added where it was', () => {
  const graph = imageGraph([
    preprocess('other', 'image'),
    preprocess('pre', 'image'),
    conv('stem', 'pre', 3, { kernel: 3 }),
    add('sum', 'other', 'stem'),
  ])
  assert.equal(stepsOf(graph, { fuseStem }), ['preprocess: other', 'conv2d: pre stem sum'])
})

test('standardising, groups, large windows and other ops keep their preprocess', () => {
  const kept: [GraphNode, GraphNode, string][] = [
    [perImage, conv('stem', 'pre', 8, { kernel: 3 }), 'conv2d: stem'],
    [preprocess('pre', 'image'), conv('stem', 'pre', 6, { kernel: 3, groups: 3 }), 'conv2d: stem'],
    [preprocess('pre', 'image'), conv('stem', 'pre', 8, { kernel: 9 }), 'conv2d: stem'],
    [preprocess('pre', 'image'), conv('stem', 'pre', 8, { kernel: 5, stride: 5 }), 'conv2d: stem'],
    [preprocess('pre', 'image'), pool('pool', 'pre'), 'max_pool: pool'],
  ]
  for (const [first, second, step] of kept)
    assert.equal(stepsOf(imageGraph([first, second]), { fuseStem }), apart(step))
})

test('what a plan counts does not change', () => {
  const graph = imageGraph([preprocess('pre', 'image'), conv('stem', 'pre', 16, { kernel: 7, stride: 2 })])
  const [fused, separate] = [planOf(graph, { fuseStem }), planOf(graph)]
  assert.is(fused.parameters, separate.parameters)
  assert.is(fused.multiplyAdds, separate.multiplyAdds)
})

test.run()
