/** Buffers that live at the same time never share memory, and the arena is hardly larger than it has to be. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { networkNames, networks } from '../../lib/convert/networks/index.js'
import { native } from '../../lib/native/addon.js'
import type { PlanReport } from '../../types/native.js'
import { choices } from './random_choices.js'
import { conv, graphOf, planOf, randomGraph, relu } from './support.js'

type Buffer = PlanReport['buffers'][number]

const meet = (a: Buffer, b: Buffer) => a.firstStep <= b.lastStep && b.firstStep <= a.lastStep
const overlap = (a: Buffer, b: Buffer) => a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes

/** What the step with the most to hold needs: no arena can be smaller. */
function lowerBound({ buffers, steps }: PlanReport): number {
  const live = steps.map((_, step) =>
    buffers
      .filter(({ firstStep, lastStep }) => firstStep <= step && step <= lastStep)
      .reduce((sum, { bytes }) => sum + bytes, 0),
  )
  return Math.max(...live)
}

function checkArena(plan: PlanReport, slack: number): void {
  plan.buffers.forEach((a, index) => {
    assert.ok(a.offset % 64 === 0 && a.bytes % 64 === 0, 'buffers are whole cache lines')
    assert.ok(a.offset + a.bytes <= plan.arenaBytes, 'buffers are inside the arena')
    for (const b of plan.buffers.slice(0, index)) {
      assert.not(meet(a, b) && overlap(a, b), `${JSON.stringify(a)} and ${JSON.stringify(b)} share memory`)
    }
  })
  const bound = lowerBound(plan)
  assert.ok(plan.arenaBytes >= bound, 'everything that is live fits')
  assert.ok(plan.arenaBytes <= slack * bound, `${plan.arenaBytes} bytes where ${bound} are live`)
}

for (const name of networkNames) {
  test(`${name}: apart, and within 5 % of the bound`, () => {
    const graph = networks[name].graph()
    for (const dtype of ['f32', 'bf16'] as const) checkArena(native().plan(graph, { dtype }), 1.05)
    checkArena(native().plan(graph, { concatInPlace: false, fuse: false }), 1.05)
  })
}

test('random graphs: apart, and within 25 % of the bound', () => {
  fc.assert(
    fc.property(choices, fc.nat(), fc.constantFrom('f32', 'bf16'), (recipe, inner, dtype) => {
      checkArena(planOf(randomGraph(recipe, inner), { dtype }), 1.25)
    }),
    { numRuns: 300 },
  )
})

test('bf16 takes half of f32', () => {
  const graph = networks.nn2.graph()
  assert.is(native().plan(graph, { dtype: 'bf16' }).arenaBytes * 2, native().plan(graph, {}).arenaBytes)
})

test('a chunk fits in the cache, has one image at least and 32 at most', () => {
  const chunkOf = (pixels: number) => {
    const graph = graphOf([relu('relu', 'x'), relu('again', 'relu'), conv('end', 'again', 1)], {
      shape: [pixels, pixels, 16],
    })
    return planOf(graph)
  }
  const cacheBytes = 24 * 2 ** 20
  assert.is(chunkOf(16).chunk, 32)
  assert.is(chunkOf(2048).chunk, 1)
  const between = chunkOf(200)
  assert.is(between.chunk, Math.floor(cacheBytes / between.arenaBytes))
})

test.run()
