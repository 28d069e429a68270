/** `facenet embed` of lists and of standard input, and into a gallery. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openGallery } from '../../lib/gallery/index.js'
import { asPngs, pixels, withFolder } from '../api/support.js'
import { jsonLines, start, writeSmallModel } from './support.js'

interface Line {
  path: string
  metadata?: Record<string, string>
}

/** A folder with a model, four images, and a list of two of them and of one that is missing. */
async function withList(use: (folder: string, how: string[]) => Promise<void>) {
  const input = { inputSize: { height: 140, width: 116 } }
  const pngs = await asPngs(input, pixels(input, 4))
  const files = Object.fromEntries(pngs.map((png, i) => [`faces/${i}.png`, png]))
  const list = 'id,photo\n7,faces/0.png\n8,faces/gone.png\n9,faces/1.png\n'
  await withFolder({ ...files, 'list.csv': list }, async (folder) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model)
    await use(folder, ['--path-column', 'photo', '--align', 'none', '--model', model])
  })
}

test('a list and standard input: metadata goes into .jsonl, what is missing is listed', async () => {
  await withList(async (folder, how) => {
    const out = join(folder, 'out.jsonl')
    const stdin = ['2', '3', 'none'].map((name) => join(folder, 'faces', `${name}.png`)).join('\0')
    const args = ['embed', join(folder, 'list.csv'), '-', ...how, '--out', out, '--resume', '--json']
    const { code, stdout, stderr } = await start(args, {}, stdin).outcome
    assert.is(code, 1)
    const expected = [['0.png', { id: '7' }], ['1.png', { id: '9' }], ['2.png'], ['3.png']]
    const gone = ['gone.png', 'none.png'].map((name) => [name, 'ERR_FACENET_IO'])
    for (const text of [stdout, await readFile(out, 'utf8')]) {
      const all = jsonLines<Line & { code?: string }>(text)
      const lines = all.filter(({ code }) => code === undefined)
      const found = lines.map(({ path, metadata }) => [path.slice(-5), ...(metadata ? [metadata] : [])])
      assert.equal(found, expected)
      const failed = all.flatMap(({ path, code }) => (code === undefined ? [] : [[path.slice(-8), code]]))
      assert.equal(failed, gone)
    }
    assert.match(
      stderr,
      /2 of 6 images could not be used:\n.*gone\.png, which .*list\.csv:3 names.*\n.*none\.png, which standard input:3/,
    )
  })
})

test('--out people.db adds to a gallery, with the metadata, and goes on where a run before was', async () => {
  await withList(async (folder, how) => {
    const gallery = join(folder, 'people.db')
    const run = (...args: string[]) => start(['embed', ...args, ...how, '--out', gallery, '--json', '--stats']).outcome
    const first = await run(join(folder, 'list.csv'))
    assert.is(first.code, 1)
    const [added, stats] = jsonLines<Record<string, unknown>>(first.stdout)
    assert.equal(added, { faces: 2, images: 2, skipped: 0, missing: 1 })
    assert.equal(Object.keys((stats as { stats: { stages: object } }).stats.stages).sort(), ['decode', 'embed', 'read'])
    const second = await run(join(folder, 'faces/*.png'), '--shard', '1/2')
    assert.is(second.code, 0)
    assert.equal(jsonLines(second.stdout)[0], { faces: 1, images: 1, skipped: 1, missing: 0 })
    await using opened = await openGallery(gallery, { readOnly: true })
    const faces: unknown[] = []
    for await (const { image, metadata } of opened.faces()) faces.push([image, metadata])
    const at = (name: string) => join(folder, 'faces', name)
    assert.equal(faces, [
      [at('0.png'), { id: '7' }],
      [at('1.png'), { id: '9' }],
      [at('2.png'), null],
    ])
  })
})

test.run()
