/** Embedding of the faces that a detector finds; the detector is a stand-in, see `test/images/fake_detector.ts`. */
import { join } from 'node:path'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { EmbeddedImage, FailedImage, Model, StreamOptions } from '../../lib/index.js'
import { fakeDetector } from '../images/fake_detector.js'
import { openSmall, rejection, withFolder } from './support.js'

let model: Model
test.before(async () => {
  model = await openSmall()
})
test.after(() => model.dispose())

const colours = { red: '#f00', green: '#0f0', blue: '#00f' }

/** Squares of the given sides, side by side on grey. */
async function photograph(faces: Partial<Record<keyof typeof colours, number>>): Promise<Buffer> {
  const create = { width: 330, height: 120, channels: 3 as const, background: '#888' }
  const squares = Object.entries(faces).map(([colour, side], i) => {
    const background = colours[colour as keyof typeof colours]
    return {
      input: { create: { width: side, height: side, channels: 3 as const, background } },
      left: 5 + 110 * i,
      top: 9,
    }
  })
  return sharp({ create }).composite(squares).png().toBuffer()
}

async function collect(source: string, options: StreamOptions): Promise<EmbeddedImage[]> {
  const found: EmbeddedImage[] = []
  for await (const image of model.embedStream(source, options)) found.push(image)
  return found
}

test('each face of a photograph gets a row, the largest first, and its embedding is that of its crop', async () => {
  const files = {
    'a.png': await photograph({ red: 40, green: 90, blue: 60 }),
    'b.png': await photograph({ blue: 50 }),
    'c.png': await photograph({}),
    'd.png': 'no image',
    'e.png': await photograph({ red: 60, green: 50 }),
  }
  await withFolder(files, async (folder) => {
    for (const batchSize of [1, 2, 32]) {
      const failures: FailedImage[] = []
      const onError = (failure: FailedImage) => failures.push(failure)
      const rows = await collect(folder, { detector: fakeDetector(), faces: 'all', batchSize, onError })
      assert.equal(
        rows.map(({ path, face }) => [path.slice(folder.length + 1), face!.index, face!.box.width]),
        [
          ['a.png#0', 0, 90],
          ['a.png#1', 1, 60],
          ['a.png#2', 2, 40],
          ['b.png', 0, 50],
          ['e.png#0', 0, 60],
          ['e.png#1', 1, 50],
        ],
      )
      assert.equal(
        failures.map(({ path, error }) => [path, error.code]),
        [
          [join(folder, 'c.png'), 'ERR_FACENET_FACE_COUNT'],
          [join(folder, 'd.png'), 'ERR_FACENET_IMAGE_INVALID'],
        ],
      )
      for (const { path, face, embedding } of rows) {
        const points = [face!.points]
        const alone = await model.embed([path.replace(/#\d$/, '')], { align: 'points', points })
        assert.equal(embedding, alone)
      }
    }
  })
})

test('embed gives a row an image: that of the largest face', async () => {
  const files = [await photograph({ red: 40, green: 90 }), await photograph({ blue: 50 })]
  const detector = fakeDetector()
  const embeddings = await model.embed(files, { align: 'detect', detector, minSize: 12, scoreThreshold: 0.25 })
  assert.is(embeddings.length, 2 * model.dimensions)
  assert.equal(await model.embed(files, { detector }), embeddings)
  const { minSize, scoreThreshold } = detector.calls[0]![0]!.options
  assert.equal([minSize, scoreThreshold], [12, 0.25])
  const failed = await rejection(model.embed(files, { detector, faces: 'one' }))
  assert.match(failed.message, /Expected one face in images\[0\] but found 2/)
  const faceless = await rejection(model.embed([await photograph({})], { detector }))
  assert.is(faceless.code, 'ERR_FACENET_FACE_COUNT')
})

test('a stream takes the largest face too, unless it is told', async () => {
  const files = { 'a.png': await photograph({ red: 40, green: 90, blue: 60 }), 'b.png': await photograph({ blue: 50 }) }
  await withFolder(files, async (folder) => {
    const rows = await collect(folder, { detector: fakeDetector() })
    assert.equal(
      rows.map(({ path, face }) => [path.slice(folder.length + 1), face!.index, face!.box.width]),
      [
        ['a.png', 0, 90],
        ['b.png', 0, 50],
      ],
    )
    const paths = Object.keys(files).map((name) => join(folder, name))
    const embedded = await model.embed(paths, { detector: fakeDetector() })
    assert.equal(embedded, Float32Array.from(rows.flatMap(({ embedding }) => [...embedding])))
  })
})

test('a detector that is undefined is not taken for none', async () => {
  const [images, found] = [['x.jpg'], new Map<string, never>()]
  const error = await rejection(model.embed(images, { detector: found.get('yunet') }))
  assert.match(error.message, /a detector, or no such option for options\.detector but received undefined/)
  assert.throws(() => model.embedStream('x', { detector: undefined }), /options\.detector/)
  await withFolder({ 'a.png': await photograph({ red: 40 }) }, async (folder) => {
    await model.embed([join(folder, 'a.png')], { align: 'none', detector: undefined })
  })
})

test('what is wrong with the options is said at once', async () => {
  const detector = fakeDetector()
  const wrong: [object, RegExp][] = [
    [{ align: 'detect' }, /detector/],
    [{ detector: 'yunet.safetensors' }, /options\.detector/],
    [{ detector, scoreThreshold: 1.5 }, /options\.scoreThreshold/],
    [{ detector, scoreThreshold: Number.NaN }, /options\.scoreThreshold/],
    [{ detector, minSize: 0 }, /options\.minSize/],
    [{ detector, faces: 'some' }, /options\.faces/],
  ]
  for (const [options, message] of wrong) {
    assert.throws(() => model.embedStream('x', options), message)
    const error = await rejection(model.embed(['x.jpg'], options))
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(error.message, message)
  }
  assert.match((await rejection(model.embed(['x.jpg'], { detector, faces: 'all' as never }))).message, /options\.faces/)
})

test('an abort while faces are looked for ends the work', async () => {
  const abort = new AbortController()
  const detector = fakeDetector()
  const detect = detector.detect.bind(detector)
  detector.detect = async (images, options) => {
    abort.abort('enough')
    return detect(images, options)
  }
  const error = await rejection(model.embed([await photograph({ red: 40 })], { detector, signal: abort.signal }))
  assert.is(error.code, 'ERR_FACENET_ABORTED')
})

test.run()
