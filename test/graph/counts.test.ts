/** Parameters and multiply-adds, against the tables of the networks and against PAPER.md. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { countGraph } from '../../lib/convert/networks/count.js'
import { networkNames, networks } from '../../lib/convert/networks/index.js'
import { native } from '../../lib/native/addon.js'
import type { PlanOptions } from '../../types/native.js'
import { conv, fullyConnected, graphOf, maxout, planOf, prelu } from './support.js'

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
const plain: PlanOptions = { fold: false, fuse: false, mergeSiblings: false, concatInPlace: false }

for (const name of networkNames) {
  const graph = networks[name].graph()

  test(`${name}: as its table counts, planned or not`, () => {
    for (const options of [{}, plain]) {
      const { parameters, multiplyAdds, steps } = native().plan(graph, options)
      const counted = countGraph(graph)
      assert.equal([parameters, multiplyAdds], [counted.parameters, counted.multiplyAdds])
      assert.is(sum(steps.map((step) => step.parameters)), parameters)
      assert.is(sum(steps.map((step) => step.multiplyAdds)), multiplyAdds)
    }
  })

  test(`${name}: every layer belongs to one step`, () => {
    const layers = native()
      .plan(graph, {})
      .steps.flatMap((step) => step.layers)
    assert.equal([...layers].sort(), graph.nodes.map((node) => node.name).sort())
  })

  test(`${name}: no norm, activation, add or concat is left as a step`, () => {
    const left = native()
      .plan(graph, {})
      .steps.filter(({ op }) => /norm$|affine|relu|add|concat|maxout/.test(op))
    assert.equal(
      left.map((step) => step.name),
      [],
    )
  })
}

test('nn4.small2 has exactly the parameters of OpenFace: biases count, running statistics do not', () => {
  assert.is(native().plan(networks['nn4.small2'].graph(), {}).parameters, 3_733_968)
})

test('groups divide the weights, slopes count, maxout takes nothing away', () => {
  const grouped = planOf(graphOf([conv('conv', 'x', 32, { kernel: 3, groups: 4 }), prelu('prelu', 'conv')]))
  assert.is(grouped.parameters, 32 * 4 * 9 + 32 + 32)
  assert.is(grouped.multiplyAdds, 64 * 32 * 4 * 9)
  const dense = planOf(graphOf([fullyConnected('fc', 'x', 20), maxout('maxout', 'fc')]))
  assert.is(dense.parameters, 8 * 8 * 16 * 20 + 20)
  assert.is(dense.multiplyAdds, 8 * 8 * 16 * 20)
})

test('a layer that no output needs is left out', () => {
  const plan = planOf(graphOf([conv('conv', 'x', 8), conv('unused', 'conv', 8), conv('end', 'conv', 4)]))
  assert.equal(
    plan.steps.map((step) => step.name),
    ['conv', 'end'],
  )
  assert.is(plan.parameters, 16 * 8 + 8 + 8 * 4 + 4)
})

test.run()
