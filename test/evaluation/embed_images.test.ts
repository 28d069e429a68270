import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DetectedFace, Detector, FaceFinder, RgbImage } from '../../lib/detection/index.js'
import { type EmbedImagesOptions, embedImages } from '../../lib/evaluation/embed_images.js'
import { type Model, openModel } from '../../lib/index.js'
import { asPngs, inMemory, openSmall, pixels } from '../api/support.js'

const points = [40, 60, 76, 60, 58, 82, 44, 104, 72, 104]

/** Finds what it is told: a list of faces for each image in turn. */
function fakeDetector(answers: DetectedFace[][]): FaceFinder {
  let next = 0
  return {
    name: 'fake',
    detect: async (images: readonly RgbImage[]) => images.map(() => answers[next++]!),
  }
}

const faceAt = (x: number, y: number, score: number): DetectedFace => ({
  box: { x: x - 20, y: y - 20, width: 40, height: 40 },
  score,
  points: points.map((value, i) => value + (i % 2 === 0 ? x - 58 : y - 82)),
})

async function* source(files: Uint8Array[], given?: number[]) {
  for (const [i, bytes] of files.entries()) yield { path: `${i}.png`, read: async () => bytes, points: given }
}

async function run(
  files: Uint8Array[],
  options: Partial<EmbedImagesOptions>,
  given?: number[],
  open: () => Promise<Model> = openSmall,
) {
  await using model = await open()
  const seen = { embeddings: [] as Float32Array[], failures: [] as string[], fallbacks: [] as string[] }
  const all: EmbedImagesOptions = {
    align: 'none',
    flip: false,
    onFailure: ({ path }) => seen.failures.push(path),
    onFallback: (path, by) => seen.fallbacks.push(`${path} ${by}`),
    ...options,
  }
  for await (const { embedding } of embedImages(model, source(files, given), all)) seen.embeddings.push(embedding)
  return seen
}

const input = { inputSize: { height: 140, width: 116 } }
const near = (a: Float32Array, b: Float32Array) => assert.ok(a.every((value, i) => Math.abs(value - b[i]!) < 1e-5))

test('with flip, an image and its mirror image have one embedding, of length 1', async () => {
  const image = pixels(input, 1)
  const mirrored = new Uint8Array(image.length)
  for (let y = 0; y < 140; y++) {
    for (let x = 0; x < 116; x++) {
      const from = (y * 116 + x) * 3
      mirrored.set(image.subarray(from, from + 3), (y * 116 + 115 - x) * 3)
    }
  }
  const files = [...(await asPngs(input, image)), ...(await asPngs(input, mirrored))]
  const { embeddings } = await run(files, { flip: true })
  near(embeddings[0]!, embeddings[1]!)
  assert.ok(Math.abs(Math.hypot(...embeddings[0]!) - 1) < 1e-5)
  const [plain, other] = (await run(files, {})).embeddings
  assert.ok(plain!.some((value, i) => Math.abs(value - other![i]!) > 1e-5))
})

test('detect takes the face nearest the middle, whatever the scores', async () => {
  const files = await asPngs(input, pixels(input, 1))
  const detector = fakeDetector([[faceAt(20, 20, 0.99), faceAt(58, 70, 0.6)]])
  const found = await run(files, { align: 'detect', detector })
  const expected = await run(files, { align: 'points' }, [...faceAt(58, 70, 1).points])
  assert.equal(found.embeddings, expected.embeddings)
  assert.equal(found.fallbacks, [])
})

test('where no face is found: the given points, or else the centre crop; listed either way', async () => {
  const files = await asPngs(input, pixels(input, 2))
  const options = { align: 'detect', centerFraction: 0.7 } as const
  const given = await run(files, { ...options, detector: fakeDetector([[], []]) }, points)
  assert.equal(given.fallbacks, ['0.png points', '1.png points'])
  assert.equal(given.embeddings, (await run(files, { align: 'points' }, points)).embeddings)

  const cropped = await run(files, { ...options, detector: fakeDetector([[], []]) })
  assert.equal(cropped.fallbacks, ['0.png center', '1.png center'])
  const expected = await run(files, { align: 'center', centerFraction: 0.7 })
  for (const [i, embedding] of cropped.embeddings.entries()) near(embedding, expected.embeddings[i]!)
})

test('detect cuts out the box and its margin where the model is made for that, as embed does', async () => {
  const files = await asPngs(input, pixels(input, 1))
  for (const alignment of ['margin:20%', 'margin:12']) {
    const open = () => openModel({ ...inMemory(), alignment })
    const found = await run(files, { align: 'detect', detector: fakeDetector([[faceAt(58, 70, 0.6)]]) }, points, open)
    assert.equal([found.failures, found.fallbacks], [[], []])
    await using model = await open()
    const detector = fakeDetector([[faceAt(58, 70, 0.6)]]) as Detector
    const embedded = await model.embed(files, { detector })
    assert.equal([...found.embeddings[0]!], [...embedded])

    // Points that are given say nothing of a box.
    const options = { align: 'detect', centerFraction: 0.7, detector: fakeDetector([[]]) } as const
    const cropped = await run(files, options, points, open)
    assert.equal([cropped.failures, cropped.fallbacks], [[], ['0.png center']])
    const expected = await run(files, { align: 'center', centerFraction: 0.7 }, undefined, open)
    assert.equal(cropped.embeddings, expected.embeddings)
  }
})

test('an image that cannot be decoded is listed, and the others are embedded', async () => {
  const files: Uint8Array[] = [Buffer.from('no image'), ...(await asPngs(input, pixels(input, 1)))]
  const detector = fakeDetector([[faceAt(58, 70, 0.6)]])
  for (const options of [{}, { align: 'detect', detector } as const]) {
    const { embeddings, failures } = await run(files, options)
    assert.is(embeddings.length, 1)
    assert.equal(failures, ['0.png'])
  }
})

test.run()
