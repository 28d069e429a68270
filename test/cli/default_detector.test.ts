/** The detector that nobody has to name, where there is a cache and where nothing can be written. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultDetector } from '../../lib/cli/common/default_detector.js'
import { openDetector } from '../../lib/index.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-cache-'))
test.after(() => rm(folder, { recursive: true }))

test('it is kept in the cache, where it is found again', async () => {
  const cache = join(folder, 'cache')
  const path = await defaultDetector(cache)
  assert.type(path, 'string')
  assert.equal(
    (await readdir(cache)).map((name) => join(cache, name)),
    [path],
  )
  assert.is(await defaultDetector(cache), path)
})

test('it works from memory where the cache cannot be written, and where there is none', async () => {
  const file = join(folder, 'file')
  await writeFile(file, '')
  const kept = await openDetector(await defaultDetector(join(folder, 'cache')), { device: 'cpu', threads: 1 })
  const { HOME, XDG_CACHE_HOME } = process.env
  try {
    // A home that is no folder: nothing can be made in it.
    Object.assign(process.env, { HOME: file, XDG_CACHE_HOME: '' })
    for (const place of [join(file, 'below'), undefined]) {
      const contents = place ? await defaultDetector(place) : await defaultDetector()
      assert.type(contents, 'object')
      const open = await openDetector(contents, { device: 'cpu', threads: 1 })
      assert.is(open.name, kept.name)
      open.dispose()
    }
  } finally {
    process.env.HOME = HOME
    if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME
    kept.dispose()
  }
})

test.run()
