/** MTCNN's weights from every kind of file they are published in. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as mtcnnFiles from '../../lib/convert/importers/mtcnn_files.js'
import { WeightsFile } from '../../lib/convert/importers/weights_file.js'
import type { DetectorContents } from '../../lib/files/model/detector_file.js'
import { writeSafetensors } from '../../lib/files/model/safetensors_writer.js'
import { elementCount, f32Tensor } from '../../lib/files/model/tensor.js'
import { type PortWeights, portWeights } from '../support/mtcnn.js'
import { Call, npy, npyDictionary, pickle, type StateDict, type Style, torchLegacy, torchZip } from './pickle_writer.js'
import { assertFails, data, modelFails, testWith } from './support.js'

const importMtcnn = (path: string) => mtcnnFiles.importMtcnn(new WeightsFile(path))
const isMtcnnFile = (path: string) => mtcnnFiles.isMtcnnFile(new WeightsFile(path))

const stages = ['pnet', 'rnet', 'onet'] as const
const weights = { pnet: portWeights('pnet', 1), rnet: portWeights('rnet', 2), onet: portWeights('onet', 3) }

const folder = await mkdtemp(join(tmpdir(), 'facenet-mtcnn-'))
test.after(() => rm(folder, { recursive: true, force: true }))

async function save(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

/** The names that the port's safetensors and facenet-pytorch give a tensor. */
function named(
  all: PortWeights,
): [layer: string, parameter: string, tensor: { shape: readonly number[]; data: Float32Array }][] {
  return Object.entries(all).flatMap(([layer, parameters]) =>
    Object.entries(parameters).map(
      ([parameter, tensor]) => [layer, parameter, tensor] as [string, string, typeof tensor],
    ),
  )
}

async function fromSafetensors(): Promise<DetectorContents> {
  const path = join(folder, 'port.safetensors')
  const tensors = stages.flatMap((stage) =>
    named(weights[stage]).map(([layer, parameter, { shape, data }]) => {
      return [`${stage}.${layer.replace('PReLU', 'prelu')}.${parameter}`, f32Tensor(shape, data)] as const
    }),
  )
  await writeSafetensors(path, new Map(tensors), {})
  return importMtcnn(path)
}

/** As facenet-pytorch converts the port's weights: axes are turned by strides, the numbers stay where they are. */
function facenetPytorch(stage: (typeof stages)[number]): StateDict {
  const output = /^conv([456])-(\d)$/
  const layerName = (layer: string, matrix: boolean) =>
    layer
      .replace('PReLU', 'prelu')
      .replace(output, matrix ? 'dense$1_$2' : 'conv$1_$2')
      .replace(/^conv(\d)$/, matrix ? 'dense$1' : 'conv$1')
  const rank = (layer: string) => weights[stage][layer]!.weights?.shape.length
  const entries = named(weights[stage]).map(([layer, parameter, { shape, data }]) => {
    const name = `${layerName(layer, rank(layer) === 2)}.${parameter === 'biases' ? 'bias' : 'weight'}`
    const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)))
    return [name, { data, shape: shape.toReversed(), strides: strides.toReversed() }] as const
  })
  return Object.fromEntries(entries)
}

function assertSame(received: DetectorContents, expected: DetectorContents): void {
  assert.is(received.detector, 'mtcnn')
  assert.equal([...received.tensors.keys()], [...expected.tensors.keys()])
  for (const [name, { shape, data }] of received.tensors) {
    assert.equal(shape, expected.tensors.get(name)!.shape, name)
    assert.ok(Buffer.from(data.buffer).equals(Buffer.from(expected.tensors.get(name)!.data.buffer)), name)
  }
}

test('a convolution is turned to rows and columns, a matrix to channels first', async () => {
  const { tensors } = await fromSafetensors()
  assert.is(tensors.size, 50)
  const [kernel, matrix] = [weights.pnet.conv2!.weights!.data, weights.onet.conv5!.weights!.data]
  const [o, i, y, x] = [5, 7, 2, 1]
  assert.is(
    tensors.get('pnet/conv2.weight')!.data[((o * 10 + i) * 3 + y) * 3 + x],
    kernel[((x * 3 + y) * 10 + i) * 16 + o],
  )
  const [out, channel] = [200, 100]
  const at = out * 1152 + (channel * 3 + y) * 3 + x
  assert.is(tensors.get('onet/fc5.weight')!.data[at], matrix[((x * 3 + y) * 128 + channel) * 256 + out])
})

for (const bytes of ['python2', 'encoded', 'bytes'] as const satisfies Style['bytes'][]) {
  test(`det1.npy to det3.npy, numbers stored as ${bytes}`, async () => {
    for (const [i, stage] of stages.entries()) await save(`det${i + 1}.npy`, npyDictionary(weights[stage], { bytes }))
    assertSame(await importMtcnn(join(folder, 'det2.npy')), await fromSafetensors())
  })
}

test('state dictionaries, a file a network, as old and new PyTorch write them', async () => {
  for (const write of [torchZip, torchLegacy]) {
    for (const stage of stages) await save(`${stage}.pt`, write(facenetPytorch(stage)))
    assertSame(await importMtcnn(join(folder, 'pnet.pt')), await fromSafetensors())
  }
})

test('one state dictionary of all three', async () => {
  const all = stages.flatMap((stage) =>
    Object.entries(facenetPytorch(stage)).map(([name, tensor]) => [`${stage}.${name}`, tensor] as const),
  )
  const path = await save('mtcnn.pt', torchZip(Object.fromEntries(all)))
  assertSame(await importMtcnn(path), await fromSafetensors())
})

testWith(join(data, 'weights/mtcnn_davidsandberg.safetensors'), 'the published file is known as such', async () => {
  assert.ok(await isMtcnnFile(join(data, 'weights/mtcnn_davidsandberg.safetensors')))
  assert.not.ok(await isMtcnnFile(join(data, 'weights/mobilefacenet_192.safetensors')))
})

test('a pickle that names anything else is refused, and nothing is called', async () => {
  const hostile = pickle(new Call('os', 'system', ['touch /tmp/never']))
  await modelFails(async () => importMtcnn(await save('det1.npy', npy(hostile))), /names among .* received os\.system/)
  const zip = zipSync({ 'a/data.pkl': hostile }, { level: 0 })
  await modelFails(async () => importMtcnn(await save('pnet.pt', zip)), /received os\.system/)
  for (const name of ['__proto__', 'constructor', 'toString']) {
    await modelFails(async () =>
      importMtcnn(await save('pnet.pt', zipSync({ 'a/data.pkl': pickle(new Call('', name, [])) }, { level: 0 }))),
    )
  }
})

test('a length of bytes below 0, which would lead back to itself', async () => {
  // BINBYTES, and -5 as a signed number of 32 bits: the length of the instruction itself.
  const round = zipSync({ 'a/data.pkl': Uint8Array.of(0x42, 0xfb, 0xff, 0xff, 0xff) }, { level: 0 })
  await modelFails(async () => importMtcnn(await save('pnet.pt', round)), /a sound pickle .* a length of -5 bytes/)
})

test('damaged files', async () => {
  const sound = {
    npy: npyDictionary(weights.pnet, {}),
    pt: torchZip(facenetPytorch('pnet')),
    legacy: torchLegacy(facenetPytorch('pnet')),
  }
  for (const [kind, bytes] of Object.entries(sound)) {
    for (const share of [0, 0.001, 0.01, 0.3, 0.7, 0.999]) {
      const path = await save(kind === 'npy' ? 'det1.npy' : 'pnet.pt', bytes.slice(0, Math.floor(bytes.length * share)))
      await modelFails(() => importMtcnn(path), /Expected/)
    }
  }
})

test('tensors that reach beyond their storage, and numbers of another shape', async () => {
  const good = facenetPytorch('pnet')
  const bias = good['conv1.bias']!
  for (const strides of [[2], [1e9]]) {
    const path = await save('pnet.pt', torchZip({ ...good, 'conv1.bias': { ...bias, strides } }))
    await modelFails(() => importMtcnn(path), /conv1\.bias .* elements|elements .* conv1\.bias/)
  }
  const path = await save('pnet.pt', torchZip({ ...good, 'conv1.bias': { ...bias, shape: [5] } }))
  for (const stage of ['rnet', 'onet'] as const) await save(`${stage}.pt`, torchZip(facenetPytorch(stage)))
  await modelFails(() => importMtcnn(path), /Expected 10 for pnet conv1\.bias but received 5/)
})

test('weights of another network, and files that are not there', async () => {
  await modelFails(
    async () => importMtcnn(await save('resnet.npy', npyDictionary(weights.pnet, {}))),
    /det1, det2, det3/,
  )
  await modelFails(async () =>
    importMtcnn(await save('resnet.pt', torchZip({ 'fc.weight': { shape: [1], data: new Float32Array(1) } }))),
  )
  await rm(join(folder, 'det3.npy'), { force: true })
  for (const i of [1, 2]) await save(`det${i}.npy`, npyDictionary(weights[stages[i - 1]!], {}))
  await assertFails(() => importMtcnn(join(folder, 'det1.npy')), 'ERR_FACENET_IO', /det3\.npy/)
})

test.run()
