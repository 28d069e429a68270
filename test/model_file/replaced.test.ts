/** Files that are replaced, written to or damaged while they are opened: an opened model has the weights of its fingerprint. */
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readHeader } from '../../lib/files/model/safetensors.js'
import { readUnchanged } from '../../lib/files/unchanged.js'
import { createTrainer, openModel } from '../../lib/index.js'
import { assertFails } from '../importers/support.js'
import { writeSmallNetwork } from '../training/coloured_faces.js'
import { small } from '../training/small_trainer.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-replaced-'))
test.after(() => rm(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
const files = [await writeSmallNetwork(at('a.safetensors')), await writeSmallNetwork(at('b.safetensors'), 0.5)]
const image = new Uint8Array(8 * 8 * 3).map((_, i) => i)

/** Replaces the file at `path` by the one and the other of `files` for as long as `during` lasts. */
async function replacing<T>(path: string, during: () => Promise<T>): Promise<T> {
  let ended = false
  const replace = async () => {
    for (let i = 0; !ended; i++) {
      await copyFile(files[i % 2]!, `${path}.next`)
      await rename(`${path}.next`, path)
    }
  }
  await copyFile(files[0]!, path)
  const replaced = replace()
  return during().finally(async () => {
    ended = true
    await replaced
  })
}

test('a model that is replaced while it is opened has the weights of its fingerprint, or is an error', async () => {
  const expected = new Map<string, string>()
  for (const path of files) {
    await using model = await openModel(path)
    expected.set(model.fingerprint, String(await model.embed(image)))
  }
  const path = at('replaced.safetensors')
  await replacing(path, async () => {
    for (let i = 0; i < 60; i++) {
      try {
        await using model = await openModel(path)
        assert.is(String(await model.embed(image)), expected.get(model.fingerprint))
      } catch (error) {
        assert.match((error as Error).message, /Cannot read .*replaced\.safetensors: it changed 5 times/)
      }
    }
  })
})

test('a checkpoint that is replaced while it is resumed from is read as it was', async () => {
  const path = at('checkpoint.safetensors')
  await using trainer = await createTrainer(small(), { learningRate: 0.02, chunk: 8 })
  await trainer.save(path)
  const saving = { ended: false }
  const saves = (async () => {
    for (let i = 0; !saving.ended; i++) await trainer.save(path, { state: i })
  })()
  try {
    for (let i = 0; i < 25; i++) await createTrainer.resume(path).then((again) => again.close())
  } finally {
    saving.ended = true
    await saves
  }
})

test('what is read of a file that changes is read again, and what was made of it is dropped', async () => {
  const path = at('text')
  const made: string[] = []
  const dropped: string[] = []
  const read = (changes: number) => async () => {
    const text = await readFile(path, 'utf8')
    made.push(text)
    if (made.length <= changes) await writeFile(path, `${text}+`)
    return text
  }
  await writeFile(path, 'a')
  assert.is(await readUnchanged(path, read(2), (text) => dropped.push(text)), 'a++')
  assert.equal(
    [made, dropped],
    [
      ['a', 'a+', 'a++'],
      ['a', 'a+'],
    ],
  )
  await assertFails(() => readUnchanged(path, read(100)), 'ERR_FACENET_IO', /it changed 5 times/)

  const broken = async () => {
    if ((await readFile(path, 'utf8')).length < 20) {
      await writeFile(path, 'x'.repeat(20))
      throw new Error('half a file')
    }
    return 'whole'
  }
  assert.is(await readUnchanged(path, broken), 'whole')
})

test('one flipped bit of the weights is seen, unless verify is false', async () => {
  const bytes = await readFile(files[0]!)
  const { tensors } = await readHeader(bytes)
  bytes[tensors.find(({ name }) => name === 'fc.weight')!.offset]! ^= 1
  await writeFile(at('flipped.safetensors'), bytes)
  await assertFails(() => openModel(at('flipped.safetensors')), 'ERR_FACENET_MODEL_INVALID', /for fingerprint/)
  await assertFails(() => openModel(bytes), 'ERR_FACENET_MODEL_INVALID', /for fingerprint/)
  await (await openModel(bytes, { verify: false })).close()
  await assertFails(() => openModel(bytes, { verify: 1 as never }), 'ERR_FACENET_INVALID_ARGUMENT', /options\.verify/)
})

test.run()
