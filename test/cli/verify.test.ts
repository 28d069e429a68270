/** `facenet verify` never says "same" of anything but two embeddings: what is not one face of one photograph is an error. */
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { embedOne } from '../../lib/cli/commands/embed_one.js'
import { dispatch } from '../../lib/cli/dispatch.js'
import type { Model } from '../../lib/index.js'
import { asPngs, pixels, rejection, withFolder } from '../api/support.js'
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
