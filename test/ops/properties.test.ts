/** Random convolutions and pools, each writing its slice of a concat, on every device against the oracle. */
import fc from 'fast-check'
import { test } from 'uvu'
import type { Extent, GraphNode, Padding } from '../../types/graph.js'
import type { Tensors } from '../support/evaluate.js'
import { checkCase, dtypesOf, graphOf, modelDevices, type OpCase } from '../support/ops.js'
import { gridValues, normals, seeded } from '../support/random.js'

const runs = 60

interface Window {
  kernel: Extent
  stride: Extent
  padding: Padding
}

const extent = (least: number, most: number) =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }))

/** Padding below `kernel` on every side, and an image that holds at least one window. */
const windowed = fc
  .record({
    kernel: extent(1, 7),
    stride: extent(1, 3),
    size: extent(1, 12),
    sides: fc.array(fc.nat(6), { minLength: 4, maxLength: 4 }),
  })
  .map(({ kernel, stride, size, sides }) => {
    const [top, left, bottom, right] = sides.map((side, i) => side % kernel[i % 2]!) as [number, number, number, number]
    const padding: Padding = [top, left, bottom, right]
    const fitting = [Math.max(size[0], kernel[0] - top - bottom, 1), Math.max(size[1], kernel[1] - left - right, 1)]
    return { window: { kernel, stride, padding } satisfies Window, size: fitting as [number, number] }
  })

/** Groups with channels a group: dense, grouped and depthwise, seldom multiples of 16. */
const grouping = fc.oneof(
  fc.record({
    groups: fc.constant(1),
    inputs: fc.integer({ min: 1, max: 40 }),
    outputs: fc.integer({ min: 1, max: 40 }),
  }),
  fc.record({
    groups: fc.integer({ min: 2, max: 5 }),
    inputs: fc.integer({ min: 1, max: 8 }),
    outputs: fc.integer({ min: 1, max: 8 }),
  }),
  fc.record({
    groups: fc.integer({ min: 1, max: 40 }),
    inputs: fc.constant(1),
    outputs: fc.integer({ min: 1, max: 2 }),
  }),
)

const activation = fc.constantFrom('none', 'relu', 'relu6', 'prelu')

/** x -> two convolutions of one input and one window, the second behind an activation -> concat. */
const convCase = fc
  .record({
    windowed,
    grouping,
    activation,
    bias: fc.boolean(),
    count: fc.integer({ min: 1, max: 4 }),
    seed: fc.nat(1000),
  })
  .map(
    ({ windowed: { window, size }, grouping: { groups, inputs, outputs }, activation, bias, count, seed }): OpCase => {
      const random = seeded(seed)
      const channels = groups * inputs
      const tensors: Tensors = {}
      const conv = (name: string, out: number): GraphNode => {
        const shape = [out, inputs, ...window.kernel]
        const elements = shape.reduce((product, value) => product * value, 1)
        tensors[`${name}.w`] = { shape, data: normals(elements, random, 0.2) }
        if (bias) tensors[`${name}.b`] = { shape: [out], data: normals(out, random) }
        return {
          name,
          op: 'conv2d',
          inputs: ['x'],
          attributes: { ...window, outChannels: out, groups },
          tensors: bias ? { weight: `${name}.w`, bias: `${name}.b` } : { weight: `${name}.w` },
        }
      }
      const out = groups * outputs
      const nodes = [conv('a', out), conv('b', out)]
      let last = 'b'
      if (activation === 'prelu') {
        tensors.slope = { shape: [out], data: normals(out, random, 0.3) }
        nodes.push({ name: 'active', op: 'prelu', inputs: ['b'], tensors: { slope: 'slope' } })
        last = 'active'
      } else if (activation !== 'none') {
        nodes.push({ name: 'active', op: activation as 'relu', inputs: ['b'] })
        last = 'active'
      }
      nodes.push({ name: 'y', op: 'concat', inputs: ['a', last] })
      return {
        name: 'a random convolution',
        graph: graphOf([...size, channels], nodes),
        tensors,
        input: gridValues(count * size[0] * size[1] * channels, random),
      }
    },
  )

const poolCase = fc
  .record({
    windowed,
    op: fc.constantFrom('max_pool' as const, 'avg_pool' as const, 'l2_pool' as const),
    rounding: fc.constantFrom('floor' as const, 'ceil' as const),
    countPadding: fc.boolean(),
    mean: fc.boolean(),
    channels: fc.integer({ min: 1, max: 40 }),
    count: fc.integer({ min: 1, max: 4 }),
    seed: fc.nat(1000),
  })
  .map(({ windowed: { window, size }, op, rounding, countPadding, mean, channels, count, seed }): OpCase => {
    const divides = op === 'avg_pool' || (op === 'l2_pool' && mean)
    const attributes = {
      ...window,
      rounding,
      ...(op === 'l2_pool' ? { mean } : {}),
      ...(divides ? { countPadding } : {}),
    }
    return {
      name: `a random ${op}`,
      graph: graphOf(
        [...size, channels],
        [
          { name: 'a', op, inputs: ['x'], attributes },
          { name: 'b', op: 'max_pool', inputs: ['x'], attributes: { ...window, rounding } },
          { name: 'y', op: 'concat', inputs: ['a', 'b'] },
        ],
      ),
      input: gridValues(count * size[0] * size[1] * channels, seeded(seed)),
    }
  })

for (const device of modelDevices) {
  for (const dtype of dtypesOf(device)) {
    for (const [name, cases] of [
      ['convolutions', convCase],
      ['pools', poolCase],
    ] as const) {
      test(`random ${name} (${device}, ${dtype})`, async () => {
        // A fixed seed: a failure here is a failure everywhere. fast-check prints the smallest case that fails.
        await fc.assert(
          fc.asyncProperty(cases, (item) => checkCase(item, { device, dtype })),
          { numRuns: runs, seed: 1 },
        )
      })
    }
  }
}

test.run()
