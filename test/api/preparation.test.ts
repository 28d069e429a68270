/** Rows are compared only with rows that were prepared alike: what is recorded, where it is stored, where it is checked. */
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readThresholdFile, writeThresholdFile } from '../../lib/evaluation/threshold_file.js'
import { openOutput } from '../../lib/files/outputs/open.js'
import { readStored } from '../../lib/files/outputs/stored.js'
import {
  addToClusters,
  type Embeddings,
  type FaceFinder,
  nearestNeighbors,
  type Preparation,
  pairwiseDistances,
} from '../../lib/index.js'
import { fakeDetector } from '../images/fake_detector.js'
import { openSmall, pixels, rejection, withFolder } from './support.js'

const model = await openSmall()
const detector: FaceFinder = { ...fakeDetector(), fingerprint: 'a'.repeat(64) }
/** A red square, which the detector takes for a face. */
const photograph = await sharp({ create: { width: 200, height: 200, channels: 3, background: '#808080' } })
  .composite([{ input: { create: { width: 80, height: 80, channels: 3, background: '#f01010' } }, left: 60, top: 50 }])
  .png()
  .toBuffer()

const whole = await model.embedRows([photograph])
const face = await model.embedRows([photograph], { detector })
const common = { flip: false, decode: 1 }
const found = { align: 'detect', template: 'dlib', detector: 'fake', detectorFingerprint: 'a'.repeat(64), ...common }

/** The warning that `call` gives. */
async function warningOf(call: () => unknown): Promise<{ code: string; message: string }> {
  const warned = once(process, 'warning')
  await call()
  return (await warned)[0]
}

/** Warnings that `call` gives, which are none where all is known. */
async function warnings(call: () => unknown): Promise<string[]> {
  const heard: string[] = []
  const hear = ({ message }: Error) => heard.push(message)
  process.on('warning', hear)
  await call()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', hear)
  return heard
}

test('rows know how their images were prepared', async () => {
  assert.equal(whole.preparation, { align: 'none', ...common })
  assert.equal(face.preparation, found)
  const middle = await model.embedRows([photograph], { align: 'center' })
  assert.equal(middle.preparation, { align: 'center', centerFraction: 0.5, ...common })
  assert.is((await model.embedRows(pixels(model, 1))).preparation, undefined)
  assert.equal(model.preparationOf({ align: 'points', template: 'arcface112' }), {
    align: 'points',
    template: 'arcface112',
    ...common,
  })
  assert.equal(model.preparationOf({ detector, faces: 'all', minSize: 20, flip: true }), { ...found, flip: true })
  const nameless = model.preparationOf({ detector: fakeDetector() })
  assert.is(nameless.detectorFingerprint, null)
  assert.is(model.embeddings(whole.data).preparation, undefined)
  assert.throws(() => model.preparationOf({ align: 'detect' }), /a detector .* for options\.detector/)
})

const meetings: [string, (a: Embeddings, b: Embeddings, options?: { allowMixed?: boolean }) => Promise<unknown>][] = [
  ['pairwiseDistances(a, b)', (a, b, options) => pairwiseDistances(a, b, options)],
  ['pairwiseDistances(a, { b })', (a, b, options) => pairwiseDistances(a, { b, ...options })],
  ['nearestNeighbors', (a, b, options) => nearestNeighbors(a, b, options)],
  ['addToClusters', (a, b, options) => addToClusters(a, Int32Array.of(0), b, { threshold: 1, ...options })],
]

for (const [name, meet] of meetings) {
  test(`${name} refuses rows that were prepared differently, unless told`, async () => {
    const { code, message } = await rejection(meet(face, whole))
    assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(
      message,
      /(a|queries|existing) with align detect, template dlib, detector fake, detectorFingerprint a{12}, and/,
    )
    assert.match(message, /and (b|options\.b|gallery|added) with align none, no template, no detector/)
    assert.match(message, /Embed one of them again.*allowMixed: true \(--allow-mixed\)/)
    assert.equal(await warnings(() => meet(face, whole, { allowMixed: true })), [])
    assert.equal(await warnings(() => meet(face, { ...face, preparation: { ...face.preparation! } })), [])
    assert.match(
      (await rejection(meet(face, face, { allowMixed: 1 as never }))).message,
      /true or false for options.all/,
    )
  })
}

test('each part of the record counts', async () => {
  const changes: Partial<Preparation>[] = [
    { align: 'points' },
    { template: 'arcface112' },
    { detector: 'other' },
    { detectorFingerprint: 'b'.repeat(64) },
    { detectorFingerprint: null },
    { flip: true },
    { decode: 2 },
  ]
  for (const change of changes) {
    const other = { ...face, preparation: { ...face.preparation!, ...change } }
    const [field] = Object.keys(change)
    const { message } = await rejection(pairwiseDistances(face, other))
    assert.match(message, new RegExp(`received a with ${field} [^,]+, and b with (no )?${field}`))
  }
  const [half, third] = [0.5, 0.3].map((centerFraction) =>
    model.embeddings(whole.data, model.preparationOf({ align: 'center', centerFraction })),
  )
  assert.match((await rejection(pairwiseDistances(half!, third!))).message, /centerFraction 0\.5, and b with .* 0\.3/)
  const wrong = { ...face, preparation: { align: 'detect' } as never }
  assert.match((await rejection(pairwiseDistances(wrong))).message, /record of a preparation for a\.preparation\.flip/)
})

test('where one side does not say it, a warning does', async () => {
  const unknown = model.embeddings(whole.data)
  const { code, message } = await warningOf(() => nearestNeighbors(face, unknown))
  assert.is(code, 'FACENET_UNKNOWN_PREPARATION')
  assert.match(
    message,
    /^Nothing says how the images of gallery were prepared; those of queries were with align detect/,
  )
})

for (const format of ['npy', 'jsonl', 'parquet']) {
  test(`.${format} files keep it, and one without it is read with a warning`, () =>
    withFolder({}, async (folder) => {
      const write = async (name: string, preparation?: Preparation) => {
        const path = join(folder, name)
        const { dimensions, fingerprint } = model
        const output = await openOutput(path, { dimensions, fingerprint, preparation })
        await output.write([{ path: 'a.jpg', embedding: face.data }])
        await output.close()
        return path
      }
      const stored = await readStored(await write(`new.${format}`, face.preparation))
      assert.equal(stored.preparation, found)
      assert.equal(await pairwiseDistances(face, stored), Float32Array.of(0))
      assert.match((await rejection(nearestNeighbors(whole, stored))).message, /gallery with align detect/)

      const old = await write(`old.${format}`)
      const { message } = await warningOf(async () => {
        assert.is((await readStored(old)).preparation, undefined)
      })
      assert.match(message, /^Nothing says how the images of .*old\.\w+(:1|\.json|) were prepared\. They are taken/)

      if (format === 'parquet') return
      const beside = format === 'npy' ? `${old}.json` : old
      await writeFile(beside, (await readFile(beside, 'utf8')).replace('{', '{"preparation":{"align":"sideways"},'))
      assert.match((await rejection(readStored(old))).message, /record of a preparation for .*align but/)
    }))
}

test('.parquet files have it in their metadata', () =>
  withFolder({}, async (folder) => {
    const path = join(folder, 'f.parquet')
    const output = await openOutput(path, { ...face, preparation: face.preparation })
    await output.write([{ path: 'a.jpg', embedding: face.data }])
    await output.close()
    const { key_value_metadata } = await parquetMetadataAsync(await asyncBufferFromFile(path))
    const { value } = key_value_metadata!.find(({ key }) => key === 'preparation')!
    assert.equal(JSON.parse(value!), found)
    const wrong = openOutput(join(folder, 'w.npy'), { ...face, preparation: { align: 'none' } as never })
    assert.match((await rejection(wrong)).message, /for options\.preparation\.flip/)
  }))

test('lines of a .jsonl file that were prepared differently are not read together, unless told', () =>
  withFolder({}, async (folder) => {
    const path = join(folder, 'f.jsonl')
    const line = (preparation?: Preparation) =>
      JSON.stringify({ path: 'a.jpg', embedding: Array.from(face.data), fingerprint: face.fingerprint, preparation })
    await writeFile(path, [line(face.preparation), line(face.preparation), line(whole.preparation)].join('\n'))
    const { message } = await rejection(readStored(path))
    assert.match(message, /f\.jsonl:1 with align detect,.* and .*f\.jsonl:3 with align none/)
    const mixed = await readStored(path, { allowMixed: true })
    assert.equal([mixed.rows, mixed.preparation], [3, undefined])
    await writeFile(path, [line(face.preparation), line()].join('\n'))
    assert.match((await warningOf(() => readStored(path))).message, /f\.jsonl:2 were prepared/)
  }))

test('threshold files keep it', () =>
  withFolder({}, async (folder) => {
    const path = join(folder, 't.json')
    const content = {
      threshold: 1,
      far: 0.1,
      val: 1,
      confidenceInterval: { level: 0.95 as const, low: 0.9, high: 1.1 },
      pairs: { same: 1, different: 10 },
      fingerprint: model.fingerprint,
      slices: [],
    }
    await writeThresholdFile(path, { ...content, preparation: face.preparation })
    assert.equal(await warnings(() => readThresholdFile(path, face)), [])
    assert.equal((await readThresholdFile(path, face)).preparation, found)
    const { message } = await rejection(readThresholdFile(path, whole))
    assert.match(message, /the rows to be judged with align none.*, and .*t\.json with align detect/)
    assert.is((await readThresholdFile(path, whole, { allowMixed: true })).threshold, 1)
    const bare = await warningOf(() => readThresholdFile(path, model.fingerprint))
    assert.match(
      bare.message,
      /images of the rows to be judged were prepared; those of .*t\.json were with align detect/,
    )
    await writeThresholdFile(path, content)
    assert.match(
      (await warningOf(() => readThresholdFile(path, face))).message,
      /images of .*t\.json were prepared; those/,
    )
    assert.match(
      (await warningOf(() => readThresholdFile(path, model.fingerprint))).message,
      /t\.json were prepared\. /,
    )
  }))

test.after(() => model.close())
test.run()
