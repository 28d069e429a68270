/** Tensors in a byte an element: the same bits and the same fingerprint, and files that contradict themselves are refused. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { networks } from '../../lib/convert/networks/index.js'
import { initialWeights } from '../../lib/convert/networks/initialize.js'
import { readModel, verifyModel, writeModel } from '../../lib/files/model/model_file.js'
import { toPalettes } from '../../lib/files/model/palette.js'
import { bytesOf, f32Tensor, type Tensor } from '../../lib/files/model/tensor.js'
import { readTensors } from '../../lib/files/model/tensor_reader.js'
import { openModel } from '../../lib/index.js'
import { modelFails } from '../importers/support.js'

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-palette-'))
})
test.after.each(() => rm(folder, { recursive: true, force: true }))

const graph = networks.nns2.graph()
/** Weights in 8 bits, but for one tensor. */
const tensors = new Map(
  [...initialWeights(graph, 7)].map(([name, tensor], i): [string, Tensor] => [
    name,
    tensor.dtype !== 'f32' || i === 3
      ? tensor
      : f32Tensor(
          tensor.shape,
          tensor.data.map((value) => Math.round(value * 127) / 127),
        ),
  ]),
)
const bits = (tensor: Tensor) => Buffer.from(bytesOf(tensor.data)).toString('base64')

test('what is stored with palettes is smaller and has the same bits, fingerprint and embeddings', async () => {
  const [whole, small] = [join(folder, 'whole.safetensors'), join(folder, 'small.safetensors')]
  const notes = { alignment: 'dlib', threshold: { value: 0.5, metric: 'squared-l2' as const }, extra: { mine: 'x' } }
  const written = await writeModel(whole, { graph, tensors, ...notes })
  assert.equal(await writeModel(small, { graph, tensors, ...notes }, { palettes: true }), written)
  assert.ok((await stat(small)).size * 2 < (await stat(whole)).size)

  const { values } = await readTensors(small)
  assert.equal([...values.keys()], [...tensors.keys()])
  for (const [name, tensor] of tensors) assert.is(bits(values.get(name)!), bits(tensor), name)
  const { metadata, extra } = await readModel(small)
  assert.equal(metadata, (await readModel(whole)).metadata)
  assert.equal([...extra], [['mine', 'x']])
  assert.is((await verifyModel(small)).fingerprint, written.fingerprint)

  const pixels = Uint8Array.from({ length: 140 * 116 * 3 }, (_, i) => (i * 7) % 251)
  const embedded = []
  for (const source of [whole, small, await readFile(small)]) {
    await using model = await openModel(source, { device: 'cpu', threads: 1 })
    embedded.push([...(await model.embed(pixels))])
  }
  assert.equal(embedded[1], embedded[0])
  assert.equal(embedded[2], embedded[0])
})

test('0 and -0 and every NaN are told apart; more than 256 values stay as they are', () => {
  const odd = new Float32Array(2048)
  new Uint32Array(odd.buffer).set([0x80000000, 0x7fc00000, 0x7fc00001, 0xff800000])
  const stored = toPalettes(new Map([['odd', f32Tensor([2048], odd)]]))
  assert.is(stored.get('odd')!.dtype, 'u8')
  assert.equal(
    [...new Uint32Array((stored.get('odd@palette')!.data as Float32Array).buffer)],
    [0x80000000, 0x7fc00000, 0x7fc00001, 0xff800000, 0],
  )
  const at = (values: number) => Float32Array.from({ length: 2048 }, (_, i) => i % values)
  const kinds = [256, 257].map((values) => toPalettes(new Map([['x', f32Tensor([2048], at(values))]])).get('x')!.dtype)
  assert.equal(kinds, ['u8', 'f32'])
})

/** The file with the bytes of its header changed, length kept. */
async function damaged(from: string, to: string): Promise<Buffer> {
  const path = join(folder, 'm.safetensors')
  await writeModel(path, { graph, tensors }, { palettes: true })
  const bytes = await readFile(path)
  const at = bytes.indexOf(from)
  assert.ok(at > 0 && from.length === to.length)
  bytes.write(to, at)
  return bytes
}

test('a file whose palettes are missing, too short or of an unknown kind is refused', async () => {
  const name = [...toPalettes(tensors).keys()].find((key) => key.endsWith('@palette'))!
  const missing = await damaged(`"${name}"`, `"${name.replace('@', '-')}"`)
  await modelFails(
    () => readTensors(missing),
    new RegExp(`F32 tensor of 1 to 256 values for ${name} but received none`),
  )
  await modelFails(() => readModel(missing), /palette/)
  await modelFails(
    async () => readModel(await damaged('"storage":"palette"', '"storage":"zippers"')),
    /palette, or no entry for storage/,
  )

  const path = join(folder, 'short.safetensors')
  await writeModel(path, { graph, tensors }, { palettes: true })
  const bytes = await readFile(path)
  const { tensors: entries } = await readTensors(path)
  const indices = entries.find((entry) => entry.name === name.replace('@palette', ''))!
  const values = entries.find((entry) => entry.name === name)!.shape[0]!
  bytes[indices.offset] = values
  if (values < 256) await modelFails(() => readModel(bytes), new RegExp(`indices below ${values}`))
})

test.run()
