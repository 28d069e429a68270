import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { asPngs, pixels, withFolder } from '../api/support.js'
import { facenet, jsonLines, writeSmallModel } from './support.js'

test('a model exported to ONNX and imported again embeds alike', async () => {
  const input = { inputSize: { height: 140, width: 116 } }
  const [face] = await asPngs(input, pixels(input, 1))
  await withFolder({ 'face.png': face! }, async (folder) => {
    const [first, onnx, second] = ['a.safetensors', 'a.onnx', 'b.safetensors'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    await writeSmallModel(first, 0.75)
    const exported = await facenet('export', first, '--out', onnx, '--json')
    assert.is(exported.code, 0)
    assert.is((JSON.parse(exported.stdout) as { network: string }).network, 'nns2')

    const imported = await facenet('import', onnx, '--out', second, '--json')
    assert.is(imported.code, 0)
    const { fingerprint, check, ...facts } = JSON.parse(imported.stdout) as {
      fingerprint: string
      check: { checked: boolean; images: number; difference: number; tolerance: number }
    }
    assert.equal([check.checked, check.images], [true, 2])
    assert.ok(check.difference <= check.tolerance)
    assert.match(fingerprint, /^[0-9a-f]{64}$/)
    const inputSize = { height: 140, width: 116 }
    assert.equal(facts, { out: second, network: 'nns2', inputSize, dimensions: 128, unitLength: true, threshold: 0.75 })

    const embeddings = await Promise.all(
      [first, second].map(async (model) => {
        const { stdout } = await facenet(
          'embed',
          join(folder, 'face.png'),
          '--align',
          'none',
          '--model',
          model,
          '--json',
        )
        return jsonLines<{ embedding: number[] }>(stdout)[0]!.embedding
      }),
    )
    const difference = Math.max(...embeddings[0]!.map((value, i) => Math.abs(value - embeddings[1]![i]!)))
    assert.ok(difference < 1e-5, `differs by ${difference}`)
  })
})

test('the weights of face-api import without further options', async () => {
  const require = createRequire(import.meta.url)
  const folder = join(dirname(require.resolve('@vladmandic/face-api/package.json')), 'model')
  const manifest = join(folder, 'face_recognition_model-weights_manifest.json')
  await withFolder({}, async (folder) => {
    const { code, stdout } = await facenet('import', manifest, '--out', join(folder, 'm.safetensors'), '--json')
    assert.is(code, 0)
    const facts = JSON.parse(stdout) as Record<string, unknown>
    assert.equal([facts.dimensions, facts.unitLength, facts.threshold], [128, false, 0.36])
  })
})

const data = process.env.FACENET_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url))
const weights = join(data, 'weights/mobilefacenet_192.safetensors')
const withData = existsSync(weights) ? test : test.skip

withData(
  'safetensors with a graph import with the input rule of the options (skipped without the data folder)',
  async () => {
    await withFolder({}, async (folder) => {
      const graph = weights.replace('.safetensors', '.graph.json')
      const rule = ['--size', '112x112', '--color', 'rgb', '--mean', '127.5', '--scale', '0.0078125']
      const { code, stdout } = await facenet(
        ...[
          'import',
          weights,
          '--graph',
          graph,
          ...rule,
          '--name',
          'mobile',
          '--out',
          join(folder, 'm.safetensors'),
          '--json',
        ],
      )
      assert.is(code, 0)
      const { network, inputSize } = JSON.parse(stdout) as { network: string; inputSize: object }
      assert.equal([network, inputSize], ['mobile', { height: 112, width: 112 }])
    })
  },
)

test('what cannot be imported says why and leaves no file', async () => {
  await withFolder({ 'bad.onnx': 'not a model', 'w.safetensors': 'not weights' }, async (folder) => {
    const out = join(folder, 'm.safetensors')
    const damaged = await facenet('import', join(folder, 'bad.onnx'), '--out', out)
    assert.is(damaged.code, 1)
    assert.match(damaged.stderr, /^error: .*\(ERR_FACENET_MODEL_INVALID\)\n$/)
    const alone = await facenet('import', join(folder, 'w.safetensors'), '--out', out)
    assert.is(alone.code, 1)
    assert.match(alone.stderr, /^error: .*\(ERR_FACENET_MODEL_INVALID\)\n$/)
    const missing = await facenet('export', join(folder, 'none.safetensors'), '--out', join(folder, 'x.onnx'))
    assert.match(missing.stderr, /ERR_FACENET_IO/)
    assert.equal((await readdir(folder)).sort(), ['bad.onnx', 'w.safetensors'])
  })
})

test.run()
