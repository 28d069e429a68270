/** The forms that exporters write layers in: each as a small file that onnxruntime runs too. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { OnnxNode } from '../support/onnx_writer.js'
import { convolution, head, importNetwork, ints, random, steps, weights } from './onnx_files.js'
import { modelFails } from './support.js'

test('slopes of PReLU in every shape that is one a channel', async () => {
  for (const shape of [[], [1], [6, 1, 1], [1, 6, 1, 1], [1, 1, 1], [1, 1, 1, 1]]) {
    const initializers = { ...weights, slope: random(shape, 9) }
    const nodes = [convolution(), ...steps(['PRelu', ['c', 'slope'], 'p']), ...head('p')]
    assert.is((await importNetwork({ nodes, initializers })).graph.nodes[2]!.op, 'prelu', shape.join())
  }
  for (const shape of [[], [1], [8], [1, 8], [1, 1]]) {
    const initializers = { ...weights, slope: random(shape, 9) }
    const nodes = [convolution(), ...head('c', 'e'), ...steps(['PRelu', ['e', 'slope'], 'y'])]
    assert.is((await importNetwork({ nodes, initializers })).graph.nodes.at(-1)!.op, 'prelu', shape.join())
  }
  // Flattened before the slope: the same for all pixels of a channel.
  const slope = { shape: [384], data: Float32Array.from({ length: 384 }, (_, i) => Math.floor(i / 64) / 10) }
  const nodes = [
    convolution(),
    ...steps(['Flatten', ['c'], 'f'], ['PRelu', ['f', 'slope'], 'p'], ['MatMul', ['p', 'm'], 'y']),
  ]
  const initializers = { ...weights, slope, m: random([384, 5], 8, 0.05) }
  assert.ok((await importNetwork({ nodes, initializers })).check.checked)
})

test('a vector of slopes is one a channel before opset 7, and where it cannot be one a column', async () => {
  const nodes = [convolution(), ...steps(['PRelu', ['c', 'slope'], 'p']), ...head('p')]
  const initializers = { ...weights, slope: random([6], 9) }
  const lone = await importNetwork({ nodes, initializers, opset: 9 }, { check: undefined })
  const same = await importNetwork({ nodes, initializers: { ...weights, slope: random([6, 1, 1], 9) }, opset: 9 })
  assert.equal(lone.tensors.get('p.slope'), same.tensors.get('p.slope'))
  const square = {
    nodes,
    initializers: { ...initializers, w: random([8, 3, 3, 3], 2), b: random([8], 3), slope: random([8], 9) },
  }
  await modelFails(() => importNetwork({ ...square, opset: 13 }), /constant of PRelu p/)
})

test('channels: split, cut, in another order, shuffled', async () => {
  const ways: [string, OnnxNode[], number][] = [
    [
      'Split and Concat',
      [
        { op: 'Split', inputs: ['c', 'sizes'], outputs: ['c1', 'c2'], attributes: { axis: 1 } },
        ...steps(['Relu', ['c1'], 'c3'], ['Concat', ['c2', 'c3'], 'k', { axis: -3 }]),
      ],
      17,
    ],
    ['Slice', steps(['Slice', ['c', 'five', 'least', 'one', 'minus'], 'k']), 17],
    ['Gather', steps(['Gather', ['c', 'order'], 'k', { axis: 1 }]), 17],
    [
      'a shuffle',
      steps(
        ['Reshape', ['c', 'r5'], 'a'],
        ['Transpose', ['a'], 't', { perm: [0, 2, 1, 3, 4] }],
        ['Reshape', ['t', 'r4'], 'k'],
      ),
      17,
    ],
  ]
  const initializers = {
    ...weights,
    sizes: ints(2, 4),
    five: ints(5),
    least: ints(-(2n ** 63n)),
    one: ints(1),
    minus: ints(-1),
    order: ints(3, 0, -1, 1, 1, 2),
    r5: ints(0, 2, 3, 8, 8),
    r4: ints(0, -1, 8, 8),
  }
  for (const [name, nodes, opset] of ways) {
    const { check } = await importNetwork({ nodes: [convolution(), ...nodes, ...head('k')], initializers, opset })
    assert.ok(check.checked && check.difference < 1e-6, name)
  }
})

test('the image: blue, green and red exchanged by a Slice are the input rule', async () => {
  const initializers = { ...weights, minus: ints(-1), least: ints(-(2n ** 63n) + 1n), one: ints(1) }
  const nodes = [...steps(['Slice', ['x', 'minus', 'least', 'one', 'minus'], 't']), convolution('t'), ...head('c')]
  const { graph } = await importNetwork({ nodes, initializers }, { mean: [1, 2, 3] })
  const [first] = graph.nodes
  assert.equal(first?.op === 'preprocess' && [first.attributes.color, first.attributes.mean], ['bgr', [3, 2, 1]])
})

test('averages in two steps, images without a batch, outputs without one', async () => {
  const two = steps(
    ['ReduceMean', ['c'], 'm', { axes: [3], keepdims: 0 }],
    ['ReduceMean', ['m'], 'flat', { axes: [-1], keepdims: 0 }],
    ['Gemm', ['flat', 'fw', 'fb'], 'y', { transB: 1 }],
  )
  assert.ok((await importNetwork({ nodes: [convolution(), ...two] })).check.checked)
  const initializers = { ...weights, zero: ints(0) }
  const alone = [
    ...steps(['Unsqueeze', ['x', 'zero'], 'x4']),
    convolution('x4'),
    ...head('c', 'e'),
    ...steps(['Squeeze', ['e', 'zero'], 'y']),
  ]
  assert.ok((await importNetwork({ nodes: alone, initializers, inputs: { x: [3, 16, 16] } })).check.checked)
})

test('what onnxruntime has fused is taken apart: a convolution with a sum and an activation', async () => {
  const fused = (more: string[], attributes: OnnxNode['attributes']): OnnxNode => ({
    ...convolution(),
    op: 'FusedConv',
    domain: 'com.microsoft',
    inputs: ['x', 'w', 'b', ...more],
    outputs: ['d'],
    attributes: { ...convolution().attributes, ...attributes },
  })
  const ways: [OnnxNode[], string[]][] = [
    [[fused([], { activation: 'Relu' })], ['relu']],
    [[fused([], { activation: 'LeakyRelu', activation_params: { floats: [0.2] } })], ['prelu']],
    [
      [convolution(), fused(['c'], { activation: 'Relu' })],
      ['conv2d', 'add', 'relu'],
    ],
  ]
  for (const [nodes, ops] of ways) {
    const { graph } = await importNetwork({ nodes: [...nodes, ...head('d')] })
    assert.equal(
      graph.nodes.slice(2, -2).map(({ op }) => op),
      ops,
    )
  }
  await modelFails(
    () => importNetwork({ nodes: [fused([], { activation: 'Gelu' }), ...head('d')] }),
    /activation of com\.microsoft\.FusedConv d but received Gelu/,
  )
})

test.run()
