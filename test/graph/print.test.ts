/** The printed plan: a line a step, columns that line up, totals at the end. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { networkNames, networks } from '../../lib/convert/networks/index.js'
import { add, batchNorm, concat, conv, fullyConnected, graphOf, maxout, planOf, pool, relu } from './support.js'

const graph = graphOf([
  conv('stem', 'x', 16, { kernel: 3, stride: 2 }),
  batchNorm('stem/bn', 'stem'),
  relu('stem/relu', 'stem/bn'),
  conv('block/1x1', 'stem/relu', 8),
  conv('block/3x3_reduce', 'stem/relu', 4),
  conv('block/3x3', 'block/3x3_reduce', 8, { kernel: 3 }),
  concat('block', 'block/1x1', 'block/3x3'),
  conv('branch', 'block', 16, { groups: 2 }),
  add('sum', 'block', 'branch', 0.17),
  relu('relu', 'sum'),
  pool('pool', 'relu', { op: 'l2_pool' }),
  fullyConnected('fc', 'pool', 32),
  maxout('maxout', 'fc'),
])

test('shows each step with what was fused into it', () => {
  assert.equal(planOf(graph).text.split('\n'), [
    'test: 8x8x16 f32, activations f32',
    '#  op                                 in -> out          params  mult-adds  offset  bytes  layers',
    '1  conv2d 3x3/2 norm relu             8x8x16 -> 4x4x16    2.35K      36.9K       0  1.00K  stem +bn +relu',
    '2  conv2d 1x1                         4x4x16 -> 4x4x8|4     204      3.07K    1024    768  block/1x1 block/3x3_reduce',
    '3  conv2d 3x3                         4x4x4 -> 4x4x8        296      4.61K    1056    512  block/3x3 block',
    '4  conv2d 1x1 groups 2 add*0.17 relu  4x4x16 -> 4x4x16      144      2.05K       0  1.00K  branch sum relu',
    '5  l2_pool 3x3                        4x4x16 -> 4x4x16        -          -    1024  1.00K  pool',
    '6  fully_connected maxout 2           4x4x16 -> 1x1x16    8.22K      8.19K  caller     64  fc maxout',
    '11.2K parameters, 54.8K multiply-adds, arena 2.25K an image, 32 images a chunk',
    '',
  ])
})

for (const name of networkNames) {
  test(`${name} fits in 120 columns, but for single names that are too long`, () => {
    const lines = planOf(networks[name].graph()).text.split('\n')
    const names = (line: string) => line.split(/ {2,}/).at(-1)!.split(' ')
    assert.equal(
      lines.filter((line) => line.length > 120 && names(line).length > 1),
      [],
    )
  })
}

test('a plan without its passes says so', () => {
  const [title] = planOf(graph, { dtype: 'bf16', fold: false, concatInPlace: false }).text.split('\n')
  assert.is(title, 'test: 8x8x16 f32, activations bf16, no folding, no concat in place')
})

test.run()
