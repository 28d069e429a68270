/** Tensors as a model's layers read them: refused by name where they do not fit, folded where a norm follows. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Tensors } from '../support/evaluate.js'
import { largestError, modelDevices, runGraph } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'
import { affine, batchNorm, conv, fullyConnected, graphOf, prelu, randomTensors } from './support.js'

const graph = graphOf([conv('conv', 'x', 8), batchNorm('norm', 'conv'), prelu('prelu', 'norm')])
const input = gridValues(8 * 8 * 16, seeded(5))

const vector = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) })
const eight = (value: number) => vector(...Array<number>(8).fill(value))

/** The graph's tensors with some replaced, or left out where they are undefined. */
function tensorsWith(changes: Record<string, Tensors[string] | undefined>): Tensors {
  const entries = Object.entries({ ...randomTensors(graph, 1), ...changes })
  return Object.fromEntries(entries.filter((entry): entry is [string, Tensors[string]] => entry[1] !== undefined))
}

const refused: [changes: Parameters<typeof tensorsWith>[0], argument: string, expected: string, received: string][] = [
  [{ 'conv.weight': undefined }, 'tensor conv.weight', 'a tensor of shape [8, 16, 1, 1]', 'none'],
  [{ 'conv.weight': eight(1) }, 'tensor conv.weight', 'shape [8, 16, 1, 1]', 'shape [8]'],
  [{ 'conv.bias': vector(1) }, 'tensor conv.bias', 'shape [8]', 'shape [1]'],
  [{ 'norm.mean': vector(1, 2) }, 'tensor norm.mean', 'shape [8]', 'shape [2]'],
  [{ 'conv.bias': vector(0, 0, 0, Number.NaN, 0, 0, 0, 0) }, 'tensor conv.bias', 'finite values', 'nan at element 3'],
  [{ 'prelu.slope': eight(-Infinity) }, 'tensor prelu.slope', 'finite values', '-inf at element 0'],
  [
    { 'norm.variance': vector(1, -1, 1, 1, 1, 1, 1, 1) },
    'tensor norm.variance',
    'a variance + epsilon above zero',
    '-0.999 at element 1',
  ],
]

for (const device of modelDevices) {
  for (const [changes, argument, expected, received] of refused) {
    test(`${argument}: ${received} (${device})`, async () => {
      try {
        await runGraph(graph, tensorsWith(changes), input, { device })
      } catch (error) {
        const { code, message } = error as Error & { code: string }
        assert.is(code, 'ERR_FACENET_MODEL_INVALID')
        assert.match(message, new RegExp(`^Expected ${escaped(expected)} for ${escaped(argument)} of layer \\w+ but`))
        assert.ok(message.endsWith(`received ${received}`), message)
        return
      }
      assert.unreachable('the weights were accepted')
    })
  }

  test(`a norm or slope of one value is one of equal values (${device})`, async () => {
    const one = { 'norm.scale': vector(0.5), 'norm.mean': vector(0.25), 'prelu.slope': vector(0.125) }
    const all = { 'norm.scale': eight(0.5), 'norm.mean': eight(0.25), 'prelu.slope': eight(0.125) }
    assert.equal(
      await runGraph(graph, tensorsWith(one), input, { device }),
      await runGraph(graph, tensorsWith(all), input, { device }),
    )
  })

  test(`chains of norms fold in their order (${device})`, async () => {
    const chain = graphOf([
      fullyConnected('fc', 'x', 8),
      affine('first', 'fc'),
      batchNorm('second', 'first'),
      affine('third', 'second'),
    ])
    const tensors = randomTensors(chain, 3)
    const [folded] = await runGraph(chain, tensors, input, { device })
    const [apart] = await runGraph(chain, tensors, input, { device: 'reference', fold: false })
    const largest = apart!.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    assert.ok(largestError(folded!, apart!) <= 1e-5 * largest)
  })
}

function escaped(text: string): string {
  return text.replace(/[[\]+]/g, '\\$&')
}

test.run()
