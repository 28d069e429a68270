/** The L2 norm that an import appends, and models that do not say how their faces are cut out. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { withUnitLength } from '../../lib/convert/importers/unit_length.js'
import { describeGraph } from '../../lib/files/model/metadata.js'
import { openModel } from '../../lib/index.js'
import { faceTarget } from '../../lib/model/options.js'
import { convolution, head, importNetwork } from './onnx_files.js'
import { assertFails } from './support.js'

const network = { nodes: [convolution(), ...head('c')] }

test('with normalize the embedding is the same direction, of length 1, and compared with onnxruntime before the norm', async () => {
  const plain = await importNetwork(network)
  const unit = await importNetwork(network, { normalize: true })
  assert.equal([describeGraph(plain.graph).unitLength, describeGraph(unit.graph).unitLength], [false, true])
  assert.ok(unit.check.checked)
  const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 13) % 256)
  const rows: number[][] = []
  for (const contents of [plain, unit]) {
    await using model = await openModel(contents, { device: 'cpu', threads: 1 })
    rows.push([...(await model.embed(pixels))])
  }
  const length = Math.hypot(...rows[0]!)
  for (const [i, value] of rows[1]!.entries()) assert.ok(Math.abs(value - rows[0]![i]! / length) < 1e-6)
})

test('a network that ends in the norm stays as it is, and a taken name is not taken again', async () => {
  const { graph } = await importNetwork(network, { normalize: true })
  assert.is(withUnitLength(graph), graph)
  const first = { ...graph.nodes[0]!, name: 'unit_length' }
  const clash = withUnitLength({
    ...graph,
    nodes: [first, ...graph.nodes.slice(1, -1)],
    outputs: [graph.nodes.at(-2)!.name],
  })
  assert.equal(clash.outputs, ['unit_length_'])
})

test('a model of 160x160 without an alignment is an error that names the choices, never a template in silence', async () => {
  const model = (alignment: string, side = 160) => ({
    inputSize: { height: side, width: side },
    metadata: { alignment },
  })
  for (const align of ['detect', 'points'] as const) {
    await assertFails(
      async () => faceTarget(model('none'), align),
      'ERR_FACENET_INVALID_ARGUMENT',
      /160x160 states no alignment: --alignment margin:32 .*dlib, arcface112, margin:<percent>%/,
    )
    assert.is(faceTarget(model('margin:32'), align).template, 'margin:32')
    assert.is(faceTarget(model('none'), align, 'dlib').template, 'dlib')
  }
  assert.is(faceTarget(model('none'), 'none').align, 'none')
  assert.is(faceTarget(model('none', 150), 'detect').template, 'dlib')
  assert.is(faceTarget(model('none', 112), 'detect').template, 'arcface112')
})

test.run()
