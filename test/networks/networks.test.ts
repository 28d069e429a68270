/** Each network's input, outputs, parameters and multiply-adds against the figures of PAPER.md. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { countGraph, countRows } from '../../lib/convert/networks/count.js'
import { network, networkNames, networks } from '../../lib/convert/networks/index.js'
import { activationShapes, inputShapes, tensorShapes } from '../../lib/convert/networks/shapes.js'
import type { GraphDescription } from '../../types/graph.js'
import { nn1Rows, nn2Rows, published, roundedAs } from './published.js'

const invalidArgument = (error: Error & { code?: string }) => error.code === 'ERR_FACENET_INVALID_ARGUMENT'

for (const name of networkNames) {
  const definition = networks[name]

  test(`${name} has the published input and parameters`, () => {
    const graph = definition.graph()
    const figures = published[name]
    assert.is(graph.name, name)
    assert.is(`${graph.input.height}x${graph.input.width}`, figures.input)
    assert.equal(definition.inputSize, { height: graph.input.height, width: graph.input.width })
    assert.is(roundedAs(figures.parameters, countGraph(graph).parameters), figures.parameters)
  })

  test(`${name} states what a count of its graph gives`, () => {
    const { parameters, multiplyAdds } = countGraph(definition.graph())
    assert.is(definition.parameters, parameters)
    assert.is(definition.multiplyAdds, multiplyAdds)
  })

  test(`${name} ends in an embedding of unit length and the wanted dimensions`, () => {
    for (const [options, dimensions] of [
      [undefined, definition.dimensions],
      [{ dimensions: 64 }, 64],
    ] as const) {
      const graph = definition.graph(options)
      assert.equal(graph.outputs, ['embedding'])
      assert.equal(activationShapes(graph).get('embedding'), [1, 1, dimensions])
      assert.is(graph.nodes.at(-1)!.op, 'l2_normalize')
      assert.is(graph.nodes[0]!.op, 'preprocess')
    }
  })

  test(`${name} gives nodes and tensors names of their own`, () => {
    const graph = definition.graph()
    assert.is(new Set(graph.nodes.map((node) => node.name)).size, graph.nodes.length)
    const used = graph.nodes.flatMap((node) => ('tensors' in node ? Object.values(node.tensors) : []))
    assert.is(new Set(used).size, used.length)
    assert.is(tensorShapes(graph).size, used.length)
  })

  if (name === 'nn4.small2') continue
  test(`${name} has the published multiply-adds`, () => {
    const figure = published[name].multiplyAdds
    assert.is(roundedAs(figure, countGraph(definition.graph()).multiplyAdds), figure)
  })
}

test('nn4.small2 has the published multiply-adds where pool projections are counted over whole blocks', () => {
  const graph = network('nn4.small2').graph()
  const shapes = activationShapes(graph)
  let saved = 0
  for (const node of graph.nodes) {
    if (node.op !== 'conv2d' || !node.name.endsWith('/pool-projection')) continue
    const [height, width, channels] = shapes.get(node.name)!
    const [blockHeight, blockWidth] = shapes.get(node.name.split('/')[0]!)!
    const inChannels = inputShapes(node, shapes)[0]![2]
    saved += (blockHeight * blockWidth - height * width) * channels * inChannels
  }
  const figure = published['nn4.small2'].multiplyAdds
  assert.is(roundedAs(figure, countGraph(graph).multiplyAdds + saved), figure)
})

test('every row of NN1 has the printed output, parameters and multiply-adds', () => {
  const rows = new Map(countRows(network('nn1').graph()).map((row) => [row.row, row]))
  for (const [name, output, parameters, multiplyAdds] of nn1Rows) {
    const row = rows.get(name)!
    assert.is(row.output.join('x'), output, name)
    assert.is(roundedAs(parameters, row.parameters), parameters, name)
    assert.is(roundedAs(multiplyAdds, row.multiplyAdds + row.biasAdds), multiplyAdds, name)
  }
  assert.is(rows.size, nn1Rows.length + 2, 'besides the printed rows only preprocess and embedding')
})

test('every row of NN2 has the printed output, and its last the printed parameters', () => {
  const rows = countRows(network('nn2').graph())
  assert.equal(
    rows.slice(1, -1).map((row) => [row.row, row.output.join('x')]),
    nn2Rows.map((row) => [...row]),
  )
  assert.is(roundedAs('131 K', rows.at(-2)!.parameters), '131 K')
  assert.is(roundedAs('0.1 M', rows.at(-2)!.multiplyAdds), '0.1 M')
})

test('a tensor that several nodes share is counted once, and what they do not share beside it', () => {
  const window = { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0] } as const
  const conv = (name: string, input: string, bias: string) => ({
    name,
    op: 'conv2d' as const,
    inputs: [input],
    attributes: { ...window, outChannels: 3 },
    tensors: { weight: 'shared', bias },
  })
  const graph: GraphDescription = {
    name: 'shared',
    input: { name: 'x', height: 2, width: 2, channels: 3, dtype: 'f32' },
    nodes: [conv('a', 'x', 'a.bias'), conv('b', 'a', 'b.bias'), conv('c', 'b', 'b.bias')],
    outputs: ['c'],
  }
  assert.is(countGraph(graph).parameters, 9 + 3 + 3)
  assert.is(countGraph(graph).multiplyAdds, 3 * 4 * 9)
})

test('nn4.small2 pads small branches back to the block and orders branches as its weights do', () => {
  const graph = network('nn4.small2').graph()
  const shapes = activationShapes(graph)
  assert.equal(shapes.get('inception3a/pool'), [5, 5, 192])
  assert.equal(shapes.get('inception3b/pool'), [4, 4, 256])
  assert.equal(shapes.get('inception5b/pool'), [1, 1, 736])
  const node = (name: string) => graph.nodes.find((candidate) => candidate.name === name)!
  assert.equal(node('inception3a/pool-pad'), {
    name: 'inception3a/pool-pad',
    inputs: ['inception3a/pool-projection/relu'],
    op: 'zero_pad',
    attributes: { padding: [3, 3, 4, 4] },
  })
  assert.equal(node('inception3a').inputs, [
    'inception3a/3x3/relu',
    'inception3a/5x5/relu',
    'inception3a/pool-pad',
    'inception3a/1x1/relu',
  ])
})

test('paddings follow TensorFlow: what is missing is split, the odd pixel goes last', () => {
  const graph = network('nn2').graph()
  const conv1 = graph.nodes.find((node) => node.name === 'conv1')!
  assert.equal(conv1.op === 'conv2d' && conv1.attributes.padding, [2, 2, 3, 3])
  const pool1 = graph.nodes.find((node) => node.name === 'pool1')!
  assert.equal(pool1.op === 'max_pool' && pool1.attributes.padding, [0, 0, 1, 1])
})

test('options change what they say and nothing else', () => {
  const ops = (options: object) =>
    new Set(
      network('nn2')
        .graph(options)
        .nodes.map((node) => node.op),
    )
  assert.ok(ops({}).has('lrn') && !ops({}).has('batch_norm'))
  assert.not(ops({ norm: 'none' }).has('lrn'))
  assert.ok(ops({ batchNorm: true }).has('batch_norm'))
  const plain = countGraph(network('nn2').graph())
  const normalised = countGraph(network('nn2').graph({ batchNorm: true }))
  assert.is(normalised.multiplyAdds, plain.multiplyAdds)
  const pools = network('nn2')
    .graph({ l2Pool: 'mean' })
    .nodes.filter((node) => node.op === 'l2_pool')
  assert.is(pools.length, 6)
  assert.ok(pools.every((node) => node.op === 'l2_pool' && node.attributes.mean === true))
})

test('names are found in any case, others are refused with the known names', () => {
  assert.is(network('NN2'), networks.nn2)
  assert.is(network('Inception-ResNet-v1'), networks['inception-resnet-v1'])
  for (const name of ['nn5', '', 'constructor', undefined as never, 7 as never]) {
    assert.throws(
      () => network(name),
      (error: Error) => invalidArgument(error) && /nn4\.small2/.test(error.message),
    )
  }
})

test("options that are out of range or not the network's own are refused", () => {
  for (const options of [
    { dimensions: 0 },
    { dimensions: 1.5 },
    { norm: 'batch' },
    { batchNorm: 1 },
    { l2Pool: 'max' },
  ]) {
    assert.throws(() => network('nn2').graph(options as never), invalidArgument, JSON.stringify(options))
  }
  assert.throws(() => network('nn4.small2').graph({ batchNorm: false }), invalidArgument)
  assert.throws(() => network('nn1').graph({ l2Pool: 'mean' }), invalidArgument)
})

test.run()
