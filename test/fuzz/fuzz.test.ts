/** A few inputs of each target, the same ones in each run: `npm run fuzz` tries more. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tryInputs } from './target.js'
import { targets } from './targets.js'

const all = await targets()
/** Seeds of inputs that were not allowed once, with the target. */
const found: [target: string, seed: number][] = []

for (const target of all) {
  test(`${target.name}: ${target.tested} inputs are taken, or refused in words`, async () => {
    const { inputs } = await tryInputs(target, 1, target.tested)
    assert.is(inputs, target.tested)
  })
}

for (const [name, seed] of found) {
  test(`${name}: what was found with seed ${seed}`, async () => {
    await tryInputs(all.find((target) => target.name === name)!, seed, 500)
  })
}

test.run()
