/** Random weights: deterministic, of He's variance, as large as the graph says. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { network } from '../../lib/convert/networks/index.js'
import { initialWeights } from '../../lib/convert/networks/initialize.js'
import { tensorShapes } from '../../lib/convert/networks/shapes.js'

const graph = network('nn4.small2').graph()

test('every tensor of the graph is there in its shape', () => {
  const weights = initialWeights(graph, 1)
  assert.equal(new Map([...weights].map(([name, { shape }]) => [name, shape])), tensorShapes(graph))
  for (const { shape, data } of weights.values()) {
    assert.is(
      data.length,
      shape.reduce((size, extent) => size * extent, 1),
    )
  }
})

test('the same seed gives the same weights, another seed others', () => {
  const [first, again, other] = [7, 7, 8].map((seed) => initialWeights(graph, seed))
  assert.equal(first, again)
  assert.is.not(first!.get('conv1.weight')!.data[0], other!.get('conv1.weight')!.data[0])
})

test('a layer keeps its weights in another company', () => {
  const here = initialWeights(network('nn2').graph(), 3).get('inception3a/3x3.weight')
  const there = initialWeights(network('nn3').graph({ norm: 'none' }), 3).get('inception3a/3x3.weight')
  assert.equal(here, there)
})

test('weights have mean 0 and variance gain / fan-in; statistics are neutral', () => {
  const weights = initialWeights(graph, 5)
  for (const [name, fanIn, gain] of [
    ['inception5a/3x3.weight', 96 * 9, 2],
    ['fc.weight', 736, 1],
  ] as const) {
    const { data } = weights.get(name)!
    const mean = data.reduce((sum, x) => sum + x, 0) / data.length
    const variance = data.reduce((sum, x) => sum + x * x, 0) / data.length
    const deviation = Math.sqrt(gain / fanIn)
    assert.ok(Math.abs(mean) < (5 * deviation) / Math.sqrt(data.length), `${name}: mean ${mean}`)
    assert.ok(Math.abs(variance / deviation ** 2 - 1) < 0.02, `${name}: variance ${variance}`)
  }
  const all = (name: string, value: number) => weights.get(name)!.data.every((x) => x === value)
  assert.ok(all('conv1.bias', 0) && all('conv1/bn.mean', 0) && all('conv1/bn.shift', 0))
  assert.ok(all('conv1/bn.variance', 1) && all('conv1/bn.scale', 1))
})

test('a seed out of range is refused', () => {
  for (const seed of [-1, 0.5, 2 ** 32, '1' as never]) {
    assert.throws(
      () => initialWeights(graph, seed),
      (error: { code?: string }) => error.code === 'ERR_FACENET_INVALID_ARGUMENT',
    )
  }
})

test.run()
