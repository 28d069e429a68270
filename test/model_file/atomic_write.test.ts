/** Files that are written whole or not at all. */
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeAtomically } from '../../lib/files/atomic_write.js'
import { assertFails } from '../importers/support.js'

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-write-'))
})
test.after.each(() => rm(folder, { recursive: true, force: true }))

test('a failing producer leaves the old file and nothing else', async () => {
  const path = join(folder, 'm.bin')
  await writeFile(path, 'old')
  const failing = writeAtomically(path, async (write) => {
    await write(new Uint8Array(1 << 20))
    throw new Error('the stream broke')
  })
  await assertFails(() => failing, 'ERR_FACENET_IO', /Cannot write .*m\.bin: the stream broke/)
  assert.equal(await readdir(folder), ['m.bin'])
  assert.is(await readFile(path, 'utf8'), 'old')
})

test('a full disk is an error that names the file', async () => {
  const full = await open('/dev/full', 'w').catch(() => undefined)
  if (!full) return
  await full.close()
  // The temporary file is on a sound disk, so the failure is put into the write itself.
  const write = writeAtomically(join(folder, 'm.bin'), async () => {
    const device = await open('/dev/full', 'w')
    await device.write(new Uint8Array(1)).finally(() => device.close())
  })
  await assertFails(() => write, 'ERR_FACENET_IO', /m\.bin: ENOSPC/)
  assert.equal(await readdir(folder), [])
})

test.run()
