/** `facenet search` as its users run it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dispatch } from '../../lib/cli/dispatch.js'
import { rejection, withFolder } from '../api/support.js'
import { facenet, jsonLines, writeSmallModel } from './support.js'

interface Answer {
  path: string
  neighbors: { path: string; distance: number }[]
  threshold: number | null
  match: string | null
}

/** The pictures show no faces, so they are taken whole. */
const search = (...args: string[]) => facenet('search', ...args, '--align', 'none')

async function picture(colour: string): Promise<Buffer> {
  return sharp({ create: { width: 116, height: 140, channels: 3, background: colour } })
    .png()
    .toBuffer()
}

/** Three pictures of a gallery, and two to look for: one that is in it and one that is not. */
async function withPictures(use: (folder: string, model: string) => Promise<void>) {
  const [red, blue, green] = [await picture('#c02010'), await picture('#1030c0'), await picture('#10c030')]
  const files = { 'people/anna.png': red, 'people/ben.png': blue, 'people/zoe.png': red, 'a.png': red, 'c.png': green }
  await withFolder(files, async (folder) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model)
    await use(folder, model)
  })
}

test('who it is, or nobody, in a folder', () =>
  withPictures(async (folder, model) => {
    const [people, a, c] = [join(folder, 'people'), join(folder, 'a.png'), join(folder, 'c.png')]
    const { code, stdout, stderr } = await search(people, a, c, '-m', model, '--k', '2', '--threshold', '1e-12')
    assert.is(code, 0, stderr)
    const lines = stdout.trimEnd().split('\n')
    // Of two at one distance the one that comes first in the gallery.
    assert.equal(lines.slice(0, 3), [
      `${a}: ${people}/anna.png`,
      `\t0.0000\t${people}/anna.png`,
      `\t0.0000\t${people}/zoe.png`,
    ])
    assert.is(lines[3], `${c}: nobody`)
    assert.is(lines.length, 6)
    assert.match(stderr, /2 searched for among 3/)
  }))

for (const format of ['npy', 'jsonl']) {
  test(`a gallery in a .${format} file answers as its images do`, () =>
    withPictures(async (folder, model) => {
      const [people, stored] = [join(folder, 'people'), join(folder, `g.${format}`)]
      const embedded = await facenet('embed', people, '--align', 'none', '-m', model, '-o', stored)
      assert.is(embedded.code, 0, embedded.stderr)
      // What `embed` says of a photograph without a face is no row.
      if (format === 'jsonl') {
        await writeFile(stored, `{"path":"hill.jpg","error":"no face"}\n${await readFile(stored, 'utf8')}`)
      }
      const images = [join(folder, 'a.png'), join(folder, 'c.png'), '-m', model, '--json']
      const [ofFile, ofImages] = [await search(stored, ...images), await search(people, ...images)]
      assert.equal([ofFile.code, ofImages.code], [0, 0], ofFile.stderr)
      assert.is(ofFile.stdout, ofImages.stdout)
      const answers = jsonLines<Answer>(ofFile.stdout)
      assert.equal(
        answers.map(({ path, threshold, match }) => [path, threshold, match]),
        [
          [images[0], null, null],
          [images[1], null, null],
        ],
      )
      const distances = answers.map(({ neighbors }) => neighbors.map(({ distance }) => distance))
      // Five are shown where there are as many.
      for (const row of distances) assert.equal([row.length, row], [3, row.toSorted((x, y) => x - y)])
      assert.equal(distances[0]!.slice(0, 2), [0, 0])
      assert.ok(distances[0]![2]! > 0 && distances[1]![0]! > 0)
    }))
}

test('a gallery of another model, of another format, and one that is cut off', () =>
  withPictures(async (folder, model) => {
    const [a, stored] = [join(folder, 'a.png'), join(folder, 'g.npy')]
    await facenet('embed', join(folder, 'people'), '--align', 'none', '-m', model, '-o', stored)
    const beside = JSON.parse(await readFile(`${stored}.json`, 'utf8'))
    await writeFile(`${stored}.json`, JSON.stringify({ ...beside, fingerprint: 'f'.repeat(64) }))
    const other = await search(stored, a, '-m', model)
    assert.is(other.code, 1)
    assert.match(other.stderr, /embeddings of one model .*ffff.*ERR_FACENET_INVALID_ARGUMENT/)

    await writeFile(`${stored}.json`, JSON.stringify(beside))
    await writeFile(stored, (await readFile(stored)).subarray(0, -4))
    const short = await search(stored, a, '-m', model)
    assert.is(short.code, 1)
    assert.match(short.stderr, /float32, 3 x 128 as .*g\.npy\.json says/)

    const columns = join(folder, 'g.parquet')
    await facenet('embed', join(folder, 'people'), '--align', 'none', '-m', model, '-o', columns)
    assert.is(
      (await search(columns, a, '-m', model)).stdout,
      (await search(join(folder, 'people'), a, '-m', model)).stdout,
    )
  }))

test('nobody is looked for in vain: an empty gallery and no queries are errors', () =>
  withPictures(async (folder, model) => {
    const [people, a, empty] = ['people', 'a.png', 'empty'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    await mkdir(empty)
    const bare = join(folder, 'bare.jsonl')
    await writeFile(bare, '{"path":"hill.jpg","error":"no face"}\n')
    const unnamed = join(folder, 'unnamed.jsonl')
    await writeFile(unnamed, JSON.stringify({ path: 'a.png', embedding: new Array(128).fill(0), fingerprint: '' }))
    const cases: [string, string, RegExp][] = [
      [empty, a, /No faces are in .*empty, so there is nothing to search/],
      [bare, a, /No embeddings were found in .*bare\.jsonl/],
      [unnamed, a, /a path, a fingerprint and an embedding/],
      [people, empty, /No faces are in .*empty, so there is nobody to search for/],
    ]
    for (const [gallery, image, message] of cases) {
      const words = ['search', gallery, image, '--align', 'none', '-m', model, '--threshold', '1', '--json']
      assert.match((await rejection(dispatch(words, new AbortController().signal))).message, message)
    }
    const { code, stdout } = await search(people, empty, '-m', model)
    assert.equal([code, stdout], [1, ''])
  }))

test('a bad image is listed, the others are searched for, and the exit code is 1', () =>
  withPictures(async (folder, model) => {
    const bad = join(folder, 'bad.jpg')
    await writeFile(bad, 'text')
    const { code, stdout, stderr } = await search(join(folder, 'people'), join(folder, 'a.png'), bad, '-m', model)
    assert.is(code, 1)
    assert.match(stdout, /^\S+a\.png\n(\t\d\.\d{4}\t\S+\n){3}$/)
    assert.match(stderr, /1 of 5 images could not be used:\n.*bad\.jpg/)
  }))

test.run()
