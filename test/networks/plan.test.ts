/** The native planner and the count in TypeScript were written apart from each other; they must agree. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { countGraph, countRows } from '../../lib/convert/networks/count.js'
import { type NetworkOptions, networkNames, networks } from '../../lib/convert/networks/index.js'
import { native } from '../../lib/native/addon.js'

for (const name of networkNames) {
  const { options } = networks[name]
  const variants: NetworkOptions[] = [
    {},
    { dimensions: 64 },
    ...(options.includes('batchNorm') ? [{ batchNorm: true }] : []),
  ]

  for (const variant of variants) {
    test(`${name} ${JSON.stringify(variant)} is counted alike by planner and table`, () => {
      const graph = networks[name].graph(variant)
      const { parameters, multiplyAdds } = countGraph(graph)
      for (const fused of [true, false]) {
        const plan = native().plan(graph, { fold: fused, fuse: fused, mergeSiblings: fused, concatInPlace: fused })
        assert.is(plan.parameters, parameters)
        assert.is(plan.multiplyAdds, multiplyAdds)
        assert.equal(plan.outputs, [[1, 1, variant.dimensions ?? networks[name].dimensions]])
      }
    })
  }
}

test('without fusion the steps of a row add up to the row', () => {
  const graph = networks.nn2.graph()
  const options = { fold: false, fuse: false, mergeSiblings: false, concatInPlace: false }
  const sums = new Map<string, number>()
  for (const step of native().plan(graph, options).steps) {
    const row = step.name.split('/')[0]!
    sums.set(row, (sums.get(row) ?? 0) + step.multiplyAdds)
  }
  for (const { row, multiplyAdds } of countRows(graph)) assert.is(sums.get(row), multiplyAdds, row)
})

test.run()
