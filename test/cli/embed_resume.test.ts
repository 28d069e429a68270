/** `facenet embed --resume` after SIGKILL, and `--shard`. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { asPngs, pixels, withFolder } from '../api/support.js'
import { seeded } from '../support/random.js'
import { slow } from '../support/slow.js'
import { facenet, jsonLines, start, writeSmallModel } from './support.js'

const input = { inputSize: { height: 140, width: 116 } }
const count = 200

/** A folder with a model, and `faces/` of many images and one that is none. */
async function withFaces(use: (folder: string, how: string[]) => Promise<void>) {
  const few = await asPngs(input, pixels(input, 10))
  const faces = Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`faces/${String(i).padStart(3, '0')}.png`, few[i % 10]!]),
  )
  await withFolder({ ...faces, 'faces/bad.png': 'no image' }, async (folder) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model)
    await use(folder, ['embed', join(folder, 'faces'), '--align', 'none', '--model', model, '--batch-size', '8'])
  })
}

/** Images that are done when a run is killed, at least; each process takes a second or two to start. */
const moments = slow ? [5, 20, 35, 50, 65, 80, 95, 110, 125, 140] : [20, 70, 120]

const lines = async (file: string) => (existsSync(file) ? (await readFile(file, 'latin1')).split('\n').length - 1 : 0)

test('a run that is killed at any moment goes on: no row twice, none missing', async () => {
  await withFaces(async (folder, how) => {
    const [whole, out] = [join(folder, 'whole.jsonl'), join(folder, 'out.jsonl')]
    assert.is((await facenet(...how, '--out', whole)).code, 1)
    const random = seeded(5)
    for (const least of moments) {
      const before = await lines(`${out}.partial`)
      const { process: child, outcome } = start([...how, '--out', out, '--resume'])
      let ended = false
      child.once('exit', () => {
        ended = true
      })
      // The moment is one of the journal, not of the clock.
      const target = Math.max(before + 1, least + random.integer(0, 15))
      while (!ended && (await lines(`${out}.partial`)) < target) await wait(1)
      child.kill('SIGKILL')
      await outcome
      // A machine where this process waits for its turn can see the run end before the kill: there is nothing to go on with then.
      if (existsSync(out)) break
    }
    if (!existsSync(out)) {
      const done = (await lines(`${out}.partial`)) - 1
      assert.ok(done >= moments[0]!, `${done} images in the journal`)
      const { code, stderr } = await facenet(...how, '--out', out, '--resume')
      assert.is(code, 1)
      assert.match(stderr, new RegExp(`200 images embedded into .*out\\.jsonl, ${done} of them by runs before`))
      assert.match(stderr, /1 of 201 images could not be used/)
    }
    assert.is(await readFile(out, 'utf8'), await readFile(whole, 'utf8'))
    const left = (await readdir(folder)).filter((name) => name.includes('partial'))
    assert.equal(left, [])
  })
})

test('shards have every image once, and wrong ones are wrong usage', async () => {
  await withFaces(async (_, how) => {
    const paths: string[] = []
    for (const shard of ['1/2', '2/2']) {
      const { stdout } = await facenet(...how, '--json', '--exclude', '*[5-9].png', '--shard', shard)
      paths.push(
        ...jsonLines<{ path?: string; code?: string }>(stdout).flatMap(({ path, code }) =>
          code === undefined ? (path?.slice(-7) ?? []) : [],
        ),
      )
    }
    const expected = Array.from({ length: count }, (_, i) => `${String(i).padStart(3, '0')}.png`)
    assert.equal(
      paths.sort(),
      expected.filter((name) => !/[5-9]\.png$/.test(name)),
    )
    for (const shard of ['0/2', '3/2']) {
      const { code, stderr } = await facenet(...how, '--shard', shard)
      assert.is(code, 2)
      assert.match(stderr, /--shard is i\/n with i from 1 to n, as 2\/8, not /)
    }
    const { code, stderr } = await facenet(...how, '--resume')
    assert.is(code, 2)
    assert.match(stderr, /--resume is for --out/)
  })
})

test.run()
