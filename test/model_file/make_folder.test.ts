/** Folders are made with all that they lie in, and where that cannot be, the error comes at once. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeFolder } from '../../lib/files/make_folder.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-folders-'))
test.after(() => rm(folder, { recursive: true }))
const codeOf = (path: string) =>
  makeFolder(path).then(
    () => 'made',
    ({ code }: NodeJS.ErrnoException) => code,
  )

test('a folder, also in folders that are not there, and one that is there', async () => {
  const path = join(folder, 'a/b/c')
  await Promise.all([makeFolder(path), makeFolder(join(folder, 'a/b/d')), makeFolder(path)])
  assert.ok((await stat(path)).isDirectory())
  assert.is(await codeOf(path), 'made')
  assert.is(await codeOf(`${join(folder, 'e')}/`), 'made')
})

test('a file in the way is an error', async () => {
  await writeFile(join(folder, 'file'), '')
  assert.is(await codeOf(join(folder, 'file')), 'EEXIST')
  assert.is(await codeOf(join(folder, 'file/below')), 'ENOTDIR')
})

const inProc = existsSync('/proc/self') ? test : test.skip
inProc('where nothing can be made the error comes at once', async () => {
  assert.is(await codeOf('/proc/nowhere/at/all'), 'ENOENT')
})

test.run()
