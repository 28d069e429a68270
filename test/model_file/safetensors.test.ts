/** The reader of safetensors against files that are damaged, or made to mislead. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FaceNetError } from '../../lib/errors.js'
import { readHeader } from '../../lib/files/model/safetensors.js'
import { toBfloat16, toFloat32 } from '../../lib/files/model/tensor.js'
import { readTensors } from '../../lib/files/model/tensor_reader.js'
import { assertFails, modelFails } from '../importers/support.js'

/** A file with this header, as text or value, and `dataBytes` bytes behind it. */
function fileOf(header: unknown, dataBytes = 0, claimedLength?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, claimedLength ?? BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}

const f32 = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') => ({ dtype, shape, data_offsets: offsets })
const sound = { a: f32([2, 3], [0, 24]), b: f32([], [24, 28]), __metadata__: { made: 'here' } }

test('a sound file: entries in the order of offsets, metadata', async () => {
  const header = await readHeader(fileOf(sound, 28))
  assert.equal(
    header.tensors.map(({ name, shape, bytes }) => [name, shape, bytes]),
    [
      ['a', [2, 3], 24],
      ['b', [], 4],
    ],
  )
  const start = fileOf(sound).length
  assert.is(header.tensors[0]!.offset, start)
  assert.is(header.tensors[1]!.offset, start + 24)
  assert.equal([...header.metadata], [['made', 'here']])
})

test('every prefix of a sound file is refused', async () => {
  const whole = fileOf(sound, 28)
  for (let length = 0; length < whole.length; length++) await modelFails(() => readHeader(whole.subarray(0, length)))
})

test('trailing bytes are refused', () => modelFails(() => readHeader(fileOf(sound, 29)), /for file/))

test('lengths of the header: too long for the file, too long at all, beyond 2^53', async () => {
  for (const length of [1n, 200n, 100_000_001n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
    await modelFails(() => readHeader(fileOf(sound, 28, length)), /length of the header/)
  }
})

const hostile: [string, unknown, number, RegExp][] = [
  ['an array for a header', [], 0, /first byte/],
  ['white space before the brace', ' {}', 0, /first byte/],
  ['broken JSON', '{"a":', 0, /JSON/],
  ['an open string', '{"a', 0, /JSON/],
  ['bytes that are not UTF-8', '{"\u0000": 1}', 0, /JSON/],
  ['deep JSON', `{"a":${'['.repeat(100)}${']'.repeat(100)}}`, 0, /levels deep/],
  ['very deep JSON', `{"a":${'['.repeat(1_000_000)}`, 0, /levels deep/],
  [
    'a name twice',
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
    8,
    /each key once/,
  ],
  ['a name twice, once escaped', '{"a":{},"\\u0061":{}}', 0, /each key once/],
  ['a field twice', '{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4, /each key once/],
  ['metadata that is not text', { __metadata__: { a: 1 } }, 0, /__metadata__\.a/],
  ['metadata that is no object', { __metadata__: [] }, 0, /__metadata__/],
  ['a tensor that is no object', { a: 1 }, 0, /tensor a/],
  ['no fields', { a: {} }, 0, /dtype of a/],
  ['an unknown dtype', { a: f32([1], [0, 4], 'F31') }, 4, /dtype of a/],
  ['a dtype from the prototype', { a: f32([1], [0, 4], 'toString') }, 4, /dtype of a/],
  ['a negative extent', { a: f32([-1], [0, 4]) }, 4, /shape of a/],
  ['a fractional extent', { a: f32([0.5, 2], [0, 4]) }, 4, /shape of a/],
  ['an extent that is text', { a: f32(['1'], [0, 4]) }, 4, /shape of a/],
  ['an extent beyond 2^53', '{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}', 4, /shape of a/],
  ['a shape that overflows', { a: f32([2 ** 32, 2 ** 32, 4], [0, 4]) }, 4, /shape of a/],
  ['a shape that overflows to zero bytes', { a: f32([2 ** 50, 2 ** 50], [0, 0]) }, 0, /shape of a/],
  ['a shape larger than its bytes', { a: f32([2], [0, 4]) }, 4, /data of a/],
  ['a shape smaller than its bytes', { a: f32([1], [0, 8]) }, 8, /data of a/],
  ['offsets the wrong way round', { a: f32([1], [4, 0]) }, 4, /data_offsets of a/],
  ['three offsets', { a: f32([1], [0, 4, 8]) }, 4, /data_offsets of a/],
  ['negative offsets', { a: f32([1], [-4, 0]) }, 4, /data_offsets of a/],
  ['offsets outside the file', { a: f32([4], [0, 16]) }, 4, /for file/],
  ['overlapping tensors', { a: f32([2], [0, 8]), b: f32([2], [4, 12]) }, 12, /data_offsets of b/],
  ['one place twice', { a: f32([1], [0, 4]), b: f32([1], [0, 4]) }, 4, /data_offsets of b/],
  ['a gap', { a: f32([1], [0, 4]), b: f32([1], [8, 12]) }, 12, /data_offsets of b/],
  ['a gap at the start', { a: f32([1], [4, 8]) }, 8, /data_offsets of a/],
]
for (const [name, header, bytes, message] of hostile) {
  test(`refused: ${name}`, () => modelFails(() => readHeader(fileOf(header, bytes)), message))
}

test('bytes that are not UTF-8 are refused', async () => {
  const file = fileOf({ a: f32([1], [0, 4]) }, 4)
  file[10] = 0xff
  await modelFails(() => readHeader(file), /UTF-8/)
})

test('names from the prototype of objects are names like others', async () => {
  const { tensors } = await readHeader(fileOf('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4))
  assert.equal(
    tensors.map(({ name }) => name),
    ['__proto__'],
  )
})

test('whatever bytes come, the reader returns or throws a FaceNetError', async () => {
  const text = fc.oneof(fc.json(), fc.string(), fc.constant(JSON.stringify(sound)))
  const mutated = fc.tuple(text, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }), fc.nat(64))
  await fc.assert(
    fc.asyncProperty(mutated, async ([header, changes, bytes]) => {
      const file = fileOf(header, bytes)
      for (const [at, value] of changes) file[at % file.length] = value
      await readTensors(file).catch((error) => assert.instance(error, FaceNetError, String(error)))
    }),
    { numRuns: 2000 },
  )
})

test('a missing file and a folder have their own errors', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'facenet-'))
  await assertFails(() => readHeader(join(folder, 'none')), 'ERR_FACENET_IO', /Cannot read .*ENOENT/)
  await assertFails(() => readHeader(folder), 'ERR_FACENET_MODEL_INVALID', /a folder/)
  await writeFile(join(folder, 'empty'), '')
  await modelFails(() => readHeader(join(folder, 'empty')), /0 bytes/)
  await rm(folder, { recursive: true })
})

test('half and double precision become fp32; integers are refused', async () => {
  const halves = fileOf({ a: f32([5], [0, 10], 'F16') }, 10)
  halves.set(new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00, 0x3555).buffer), halves.length - 10)
  const { values } = await readTensors(halves)
  assert.equal([...toFloat32(values.get('a')!)], [1, -2, 2 ** -24, Number.POSITIVE_INFINITY, 0.333251953125])
  const double = fileOf({ a: f32([1], [0, 8], 'F64') }, 8)
  double.set(new Uint8Array(Float64Array.of(1.5).buffer), double.length - 8)
  assert.equal([...toFloat32((await readTensors(double)).values.get('a')!)], [1.5])
  await modelFails(() => readTensors(fileOf({ a: f32([1], [0, 8], 'I64') }, 8)), /dtype of a/)
})

test('tensors of a Buffer that starts anywhere are copied out of it', async () => {
  const file = fileOf({ a: f32([2], [0, 8]) }, 8)
  file.set(new Uint8Array(Float32Array.of(3, 4).buffer), file.length - 8)
  const shifted = Buffer.concat([Buffer.of(0), file]).subarray(1)
  assert.equal([...toFloat32((await readTensors(shifted)).values.get('a')!)], [3, 4])
})

test('rounding to bf16: to nearest, ties to even, NaN stays NaN', () => {
  const values = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, Number.NaN, -0, 3.4e38)
  const rounded = toFloat32(toBfloat16({ dtype: 'f32', shape: [7], data: values }))
  assert.equal([...rounded], [1, 1, 1 + 2 ** -6, 1 + 2 ** -7, Number.NaN, -0, Number.POSITIVE_INFINITY])
})

test.run()
