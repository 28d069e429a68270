/** How a batch goes through the emulated device: chunks, overlap, graphs, memory. */

import { test as uvu } from 'uvu'
import * as assert from 'uvu/assert'
import { newCancel } from '../../lib/native/queue.js'
import { turns } from '../support/aborting.js'
import { emulate, isEmulated } from '../support/addons.js'
import { countOf, expectedOf, failure, imageBytes, images, open, outputBytes, run, traced } from './support.js'

/** What is asked of the emulated runtime can only be seen there; on a device test/ops does the rest. */
const test = isEmulated ? uvu : uvu.skip
const orders = ['forward', 'reverse', 'shuffled']

/**
 * Memory of a device on which chunks of `count` images fit, nine tenths of what is free: an arena, two inputs and two
 * outputs an image, outputs counted in whole units of 256 bytes.
 */
const memoryFor = (count: number) => Math.ceil((count * (3 * imageBytes + 2 * 256)) / 0.9) + 20

for (const order of orders) {
  test(`a batch is cut into the chunks that fit, in order (streams ${order})`, async () => {
    const model = await open()
    for (const count of [1, 2, 3, 7, 20]) {
      const input = images(count, count)
      for (const fitting of [9, 4, 3]) {
        emulate(`order=${order} memory=${memoryFor(fitting)}`)
        assert.equal(await run(model, input), expectedOf(input), `${count} images, ${fitting} a chunk`)
      }
    }
    model.dispose()
    emulate('')
  })

  test(`batches of several sizes in turn (streams ${order})`, async () => {
    emulate(`order=${order}`)
    const model = await open()
    for (let round = 0; round < 3; round++) {
      for (const count of [5, 1, 40, 7, 2]) {
        const input = images(count, 10 * round + count)
        assert.equal(await run(model, input), expectedOf(input))
      }
    }
    model.dispose()
    emulate('')
  })
}

test('the next chunk is uploaded before the outputs of the last are waited for', async () => {
  const lines = await traced(`memory=${memoryFor(2)}`, async () => {
    const model = await open()
    await run(model, images(8))
    model.dispose()
  })
  const uploads = lines.flatMap((line, i) => (line.includes('upload') ? [i] : []))
  const waits = lines.flatMap((line, i) => (line === 'wait for an event' ? [i] : []))
  assert.is(uploads.length, 4)
  assert.is(waits.length, 4)
  // Two chunks are on their way when the first is waited for; from then on one is waited for, one submitted.
  assert.ok(uploads[1]! < waits[0]! && waits[0]! < uploads[2]!, lines.join('\n'))
  assert.ok(uploads[2]! < waits[1]! && waits[1]! < uploads[3]!)
  const streamsOf = (part: string) =>
    new Set(lines.flatMap((line) => (line.includes(part) ? (line.match(/^stream \d+/) ?? []) : [])))
  const [upload, compute, download] = [streamsOf('upload'), streamsOf(' launch '), streamsOf('download')]
  assert.is(new Set([...upload, ...compute, ...download]).size, 3, 'a stream each')
})

test('a batch size is launched plainly once, then captured, then replayed', async () => {
  const model = await open()
  const input = images(5)
  const once = async (settings = '') =>
    traced(settings, async () => assert.equal(await run(model, input), expectedOf(input)))
  const [first, second, third] = [await once(), await once(), await once()]
  assert.equal([countOf(first, 'instantiate'), countOf(first, 'launch a graph'), countOf(first, ' launch ')], [0, 0, 2])
  assert.equal([countOf(second, 'instantiate a graph of 2'), countOf(second, 'launch a graph')], [1, 1])
  assert.equal([countOf(third, 'instantiate'), countOf(third, 'captured'), countOf(third, 'launch a graph')], [0, 0, 1])
  assert.is(countOf(third, 'malloc') + countOf(third, 'pin '), 0, 'nothing is allocated again')
  model.dispose()
})

test('a larger batch gets more memory, and graphs of the old memory are forgotten', async () => {
  const model = await open()
  for (const count of [2, 2, 2, 9, 2, 2, 2]) {
    const input = images(count, count)
    assert.equal(await run(model, input), expectedOf(input), `${count} images`)
  }
  model.dispose()
})

test('where streams cannot be captured launches stay plain', async () => {
  const model = await open()
  const lines = await traced('graphs=0', async () => {
    for (let round = 0; round < 3; round++) assert.equal(await run(model, images(4)), expectedOf(images(4)))
  })
  assert.is(countOf(lines, 'graph'), 0)
  assert.is(countOf(lines, ' launch '), 6)
  model.dispose()
})

test('a batch that takes several chunks is measured chunk by chunk', async () => {
  const model = await open()
  const input = images(5)
  const lines = await traced(`memory=${memoryFor(2)}`, async () => {
    const { steps } = await model.measure(input, 5, 1)
    assert.is(steps.length, 2)
  })
  // Chunks of 2, 2 and 1 images: launched once, then three times as graphs, then four times step by step.
  assert.is(countOf(lines, 'launch a graph'), 3 * 3)
  assert.is(countOf(lines, 'instantiate'), 3)
  assert.equal(await run(model, input), expectedOf(input))
  model.dispose()
  emulate('')
})

test('memoryBytes is what was allocated', async () => {
  let [before, after] = [0, 0]
  const lines = await traced('', async () => {
    const model = await open()
    before = model.memoryBytes
    await run(model, images(6))
    after = model.memoryBytes
    model.dispose()
    assert.is(model.memoryBytes, 0)
  })
  const allocated = lines.reduce((sum, line) => sum + Number(line.match(/^(?:malloc|pin) (\d+)$/)?.[1] ?? 0), 0)
  assert.is(before, 0, 'pools have no weights')
  assert.is(after, allocated)
  assert.ok(after >= 6 * (3 * imageBytes + 2 * outputBytes))
})

test('work that is cancelled stops between chunks, and the model goes on', async () => {
  const model = await open()
  emulate(`memory=${memoryFor(1)}`)
  const cancel = newCancel()
  const count = 3000
  // An image is a chunk, and each is written when it is done, in place.
  const out = new Float32Array(new SharedArrayBuffer(count * outputBytes)).fill(Number.NaN)
  const done = () => out.filter((value) => !Number.isNaN(value)).length / (outputBytes / 4)
  const running = failure(() => model.run(images(count), count, [out], cancel))
  while (done() === 0) await turns(1)
  cancel[0] = 1
  assert.is((await running).code, 'ERR_FACENET_ABORTED')
  assert.ok(done() < count, `all ${count} images were done`)
  assert.equal(await run(model, images(3)), expectedOf(images(3)))
  model.dispose()
  emulate('')
})

test('a model is disposed while it works: the work is finished', async () => {
  for (const count of [1, 50]) {
    const model = await open()
    const input = images(count)
    const running = run(model, input)
    model.dispose()
    assert.equal(await running, expectedOf(input))
  }
})

test('two models work at once', async () => {
  const [a, b] = [await open(), await open({ dtype: 'f16' })]
  const inputs = Array.from({ length: 6 }, (_, i) => images(4 + i, i))
  const outputs = await Promise.all(inputs.map((input, i) => run(i % 2 ? a : b, input)))
  // Multiples of 1/64 below 2 are exact in fp16 too.
  for (const [i, output] of outputs.entries()) assert.equal(output, expectedOf(inputs[i]!))
  a.dispose()
  b.dispose()
})

uvu.run()
