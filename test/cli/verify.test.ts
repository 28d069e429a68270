/** `facenet verify` never says "same" of anything but two embeddings: what is not one face of one photograph is an error. */
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { embedOne } from '../../lib/cli/commands/embed_one.js'
import { dispatch } from '../../lib/cli/dispatch.js'
import { writeModel } from '../../lib/files/model/model_file.js'
import type { Model } from '../../lib/index.js'
import { asPngs, inMemory, pixels, rejection, withFolder } from '../api/support.js'
import { tarOf } from '../images/tar_writer.js'
import { facenet, writeSmallModel } from './support.js'

const input = { inputSize: { height: 140, width: 116 } }
const [first, second] = (await asPngs(input, pixels(input, 2))) as [Buffer, Buffer]

const files = {
  'a.png': first,
  'b.png': second,
  'two/a.png': first,
  'two/copy.png': first,
  'one/a.png': first,
  'empty/sub/.hidden.png': first,
  'notes/readme.txt': 'no image',
  'broken/bad.jpg': 'text',
  'empty.tar': tarOf({}),
  'nothing.tar': '',
  'notes.tar': tarOf({ 'readme.txt': 'no image' }),
  'two.tar': tarOf({ '1.png': 'x', '2.png': 'y' }),
  'zero.jpg': '',
}

/** The pictures show no faces, so they are taken whole. */
async function withFiles(use: (at: (name: string) => string, ...how: string[]) => Promise<void>, threshold?: number) {
  await withFolder(files, async (folder) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model, threshold)
    await use((name) => join(folder, name), '--align', 'none', '--model', model)
  })
}

const none = /Expected one photograph for \S+ but received a folder or archive without images: name an image file/
const several = /Expected one photograph for \S+ but received a folder or archive with several: name an image file/
const noPhotographs: [string, string, RegExp][] = [
  ['an empty folder', 'empty', none],
  ['a folder of other files', 'notes', none],
  ['a folder of a file that cannot be decoded', 'broken', /broken\/bad\.jpg/],
  ['a folder of two images', 'two', several],
  ['an empty archive', 'empty.tar', none],
  ['an archive of no bytes', 'nothing.tar', none],
  ['an archive of other files', 'notes.tar', none],
  ['an archive of two images', 'two.tar', several],
  ['a missing file', 'missing.jpg', /missing\.jpg/],
  ['an empty file', 'zero.jpg', /zero\.jpg/],
]

test('what is not one photograph is an error that names it, on either side', () =>
  withFiles(async (at, ...how) => {
    for (const [what, name, message] of noPhotographs) {
      const [good, bad] = [at('a.png'), at(name)]
      for (const operands of [
        [good, bad],
        [bad, good],
      ]) {
        const error = await rejection(dispatch(['verify', ...operands, ...how], new AbortController().signal))
        assert.match(error.code ?? '', /^ERR_FACENET_/, `${what}: ${error.message}`)
        assert.match(error.message, message, what)
        assert.ok(error.message.includes(bad), error.message)
      }
    }
  }, 0.5))

test('the exit code is 1, and nothing is on stdout', () =>
  withFiles(async (at, ...how) => {
    for (const name of ['empty', 'empty.tar', 'two']) {
      const { code, stdout, stderr } = await facenet('verify', at('a.png'), at(name), '--json', ...how)
      assert.is(code, 1, stderr)
      assert.is(stdout, '')
      assert.match(
        stderr,
        /^(1 file passed over: 1 hidden\n)?error: Expected one photograph for .*\(ERR_FACENET_INVALID_ARGUMENT\)\n$/,
      )
    }
  }, 0.5))

test('a photograph is itself, also where it is the only one of a folder', () =>
  withFiles(async (at, ...how) => {
    for (const other of ['a.png', 'one']) {
      const { code, stdout } = await facenet('verify', at('a.png'), at(other), '--json', ...how)
      assert.is(code, 0)
      assert.equal(JSON.parse(stdout), { distance: 0, threshold: 0.5, same: true, probability: null })
    }
  }, 0.5))

/** What a command prints, in this process. */
async function printed(...words: string[]): Promise<string> {
  const { write } = process.stdout
  let text = ''
  process.stdout.write = ((chunk: string) => {
    text += chunk
    return true
  }) as typeof write
  try {
    await dispatch([...words, '--quiet'], new AbortController().signal)
    return text
  } finally {
    process.stdout.write = write
  }
}

const formats = ['npy', 'jsonl', 'parquet']

test('a stored embedding stands for its photograph, on either side and on both', () =>
  withFiles(async (at, ...how) => {
    const expected = JSON.parse(await printed('verify', at('a.png'), at('b.png'), '--json', ...how))
    assert.ok(expected.distance > 0)
    for (const format of formats) {
      const stored = at(`a.${format}`)
      await printed('embed', at('a.png'), '--out', stored, ...how)
      for (const operands of [
        [stored, at('b.png')],
        [at('b.png'), stored],
      ]) {
        assert.equal(JSON.parse(await printed('verify', ...operands, '--json', ...how)), expected, format)
      }
      const [, , ...model] = how
      const itself = JSON.parse(await printed('verify', stored, at(`a.${formats[0]}`), '--json', ...model))
      assert.equal(itself, { distance: 0, threshold: 0.5, same: true, probability: null }, format)
    }
  }, 0.5))

test('a file of embeddings without one face, of another model or of other crops is an error', () =>
  withFiles(async (at, ...how) => {
    const [, , ...model] = how
    const refused = async (operands: string[], code: string, message: RegExp, ...words: string[]) => {
      const error = await rejection(printed('verify', ...operands, ...words))
      assert.is(error.code, code, error.message)
      assert.match(error.message, message)
    }
    for (const format of formats) {
      const [two, none, one] = [at(`two.${format}`), at(`none.${format}`), at(`one.${format}`)]
      await printed('embed', at('two'), '--out', two, ...how)
      await refused(
        [two, at('a.png')],
        'ERR_FACENET_FACE_COUNT',
        /one face in the file for .*two\.\w+ but received 2: /,
        ...how,
      )
      await rejection(printed('embed', at('broken'), '--out', none, ...how))
      const code = format === 'jsonl' ? 'ERR_FACENET_INVALID_ARGUMENT' : 'ERR_FACENET_FACE_COUNT'
      await refused([at('a.png'), none], code, /none\.\w+ but received none|No embeddings were found in .*none/, ...how)
      await printed('embed', at('a.png'), '--out', one, '--align', 'center', ...model)
      const other = /one\.\w+ with align center.* and (the photograph|.*two\.\w+) with align none/
      await refused([one, at('a.png')], 'ERR_FACENET_INVALID_ARGUMENT', other, ...how)
      assert.match(await printed('verify', one, at('a.png'), '--allow-mixed', ...how), /^same person|^different people/)
      const whole = at(`whole.${format}`)
      await printed('embed', at('a.png'), '--out', whole, ...how)
      await refused([one, whole], 'ERR_FACENET_INVALID_ARGUMENT', /one\.\w+ with align center.* and .*whole/, ...model)
      const another = at('another.safetensors')
      await writeModel(another, inMemory('nns2', 7))
      await refused(
        [one, at('a.png')],
        'ERR_FACENET_INVALID_ARGUMENT',
        /fingerprint/,
        '--align',
        'center',
        '-m',
        another,
      )
    }
    await refused([at('one.npy'), at('missing.jpg')], 'ERR_FACENET_IO', /missing\.jpg/, '--align', 'center', ...model)
    const { code, stderr } = await facenet('verify', at('one.npy'), at('one.jsonl'), ...how)
    assert.is(code, 2)
    assert.match(stderr, /--align is for photographs, and both operands are stored embeddings/)
  }, 0.5))

test('without a threshold there is no verdict', () =>
  withFiles(async (at, ...how) => {
    const { code, stdout } = await facenet('verify', at('a.png'), at('a.png'), '--json', ...how)
    assert.is(code, 0)
    assert.equal(JSON.parse(stdout), { distance: 0, threshold: null, same: null, probability: null })
    const text = await facenet('verify', at('a.png'), at('a.png'), ...how)
    const unknown = 'probability same not known for this model and alignment'
    assert.is(text.stdout, `no verdict (squared distance 0.0000, threshold not known)\n${unknown}\n`)
  }))

test('a threshold that is none is refused', () =>
  withFiles(async (at, ...how) => {
    for (const threshold of ['NaN', 'nan', 'Infinity', '1e999', ' ', '-0.1']) {
      const words = ['verify', at('a.png'), at('a.png'), `--threshold=${threshold}`, ...how]
      const error = await rejection(dispatch(words, new AbortController().signal))
      assert.match(error.message, /--threshold is a number of at least 0 or a threshold file, not /, threshold)
    }
  }, 0.5))

test('an embedding that says nothing is an error', () =>
  withFiles(async (at) => {
    const cases: [number[][], string, RegExp][] = [
      [[], 'ERR_FACENET_FACE_COUNT', /Expected one face for .*a\.png but received 0/],
      [[[1], [1]], 'ERR_FACENET_FACE_COUNT', /received 2/],
      [[[0, Number.NaN]], 'ERR_FACENET_NOT_FINITE', /finite numbers .* received NaN or infinity/],
      [[[0, 0]], 'ERR_FACENET_NOT_FINITE', /received zeros only/],
    ]
    for (const [rows, code, message] of cases) {
      const model = {
        async *embedStream() {
          for (const row of rows) yield { path: 'a.png', embedding: Float32Array.from(row) }
        },
      } as unknown as Model
      const error = await rejection(embedOne(model, at('a.png'), { align: 'none' }, {}))
      assert.is(error.code, code)
      assert.match(error.message, message)
    }
  }))

test.run()
