/** Files in Torch7's format that are damaged, or made to cost work or memory: errors in bounded time. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importModel } from '../../lib/convert/importers/import_model.js'
import { readTorch7 } from '../../lib/convert/importers/torch7.js'
import { normals, seeded } from '../support/random.js'
import { relu, sequential } from './networks/openface.js'
import { modelFails } from './support.js'
import { Floats, Instance, torch7 } from './torch7_writer.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-torch7-'))
test.after(() => rm(folder, { recursive: true, force: true }))

async function save(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'hostile.t7')
  await writeFile(path, bytes)
  return path
}

/** int32s one after another. */
const ints = (...numbers: number[]) => Buffer.from(Int32Array.from(numbers).buffer)
const text = (string: string) => Buffer.concat([ints(string.length), Buffer.from(string)])
const longs = (...numbers: bigint[]) => Buffer.from(BigInt64Array.from(numbers).buffer)
const hostile: [string, Uint8Array, RegExp][] = [
  ['nothing', Buffer.alloc(0), /4 bytes .* received 0: the file is cut short/],
  ['text', Buffer.from('4\n1\n3\nV 1\n13\nnn.Sequential\n'), /binary format.* received its ascii format/],
  ['an unknown type', ints(9), /type of an object, 0 to 8 .* received 9/],
  ['a string longer than the file', ints(2, 2 ** 31 - 1), /2147483647 bytes/],
  ['a string of less than nothing', ints(2, -5), /a length for .* received -5/],
  ['a table longer than the file', ints(3, 1, 2 ** 31 - 1, 0, 0), /4 bytes .* received 0/],
  ['a table of less than nothing', ints(3, 1, -1), /a number of entries/],
  ['a class of C', Buffer.concat([ints(4, 1), text('V 1'), text('torch.Generator')]), /received a torch\.Generator/],
  [
    'an object without fields',
    Buffer.concat([ints(4, 1), text('V 1'), text('nn.ReLU'), ints(0)]),
    /the fields of nn\.ReLU/,
  ],
  [
    'a storage larger than memory',
    Buffer.concat([ints(4, 1), text('V 1'), text('torch.FloatStorage'), longs(2n ** 50n)]),
    /4503599627370496 bytes/,
  ],
  [
    'a storage whose bytes no number counts',
    Buffer.concat([ints(4, 1), text('V 1'), text('torch.DoubleStorage'), longs(2n ** 62n)]),
    /below 2\^53/,
  ],
  [
    'a tensor of a million dimensions',
    Buffer.concat([ints(4, 1), text('V 1'), text('torch.FloatTensor'), ints(1_000_000)]),
    /at most 16 dimensions/,
  ],
  [
    'a tensor in the place of a storage',
    Buffer.concat([ints(4, 1), text('V 1'), text('torch.FloatTensor'), ints(0), longs(1n), ints(4, 1)]),
    /the storage of a tensor/,
  ],
  [
    'tables in tables without end',
    Buffer.concat(Array.from({ length: 100_000 }, (_, i) => ints(3, i, 1))),
    /at most 200 deep/,
  ],
]
for (const [what, bytes, message] of hostile) {
  test(`refused: ${what}`, async () => modelFails(async () => importModel(await save(bytes)), message))
}

const rule = { size: [16, 16], mean: 127.5, scale: 1 / 128 } as const
const conv = new Instance('nn.SpatialConvolution', {
  ...{ nInputPlane: 3, nOutputPlane: 4, kW: 3, kH: 3, dW: 2, dH: 2, padW: 1, padH: 1 },
  weight: new Floats([4, 3, 3, 3], normals(108, seeded(1))),
})

test('a file that is cut short or damaged anywhere is an error, or another network', async () => {
  const small = torch7(
    sequential(conv, relu(), new Instance('nn.SpatialAveragePooling', { kW: 8, kH: 8, divide: true })),
  )
  for (let length = 0; length < small.length; length++) {
    await modelFails(() => readTorch7(small.subarray(0, length), 'short.t7'))
  }
  const random = seeded(7)
  for (let i = 0; i < 2000; i++) {
    const bytes = Buffer.from(small)
    for (let flip = 0; flip < 1 + (i % 3); flip++) bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255)
    try {
      readTorch7(bytes, 'flipped.t7')
    } catch (error) {
      assert.is((error as { code?: string }).code, 'ERR_FACENET_MODEL_INVALID', String(error))
    }
    if (i % 20 > 0) continue
    const path = await save(bytes)
    await importModel(path, rule).catch((error) => assert.is(error.code, 'ERR_FACENET_MODEL_INVALID', String(error)))
  }
})

test.run()
