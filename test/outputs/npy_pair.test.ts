/** Rows and paths of a `.npy` whose writer was killed between the two renames: what was there before is still read. */
import { copyFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nameOfEarlier } from '../../lib/files/outputs/npy_pair.js'
import { openOutput } from '../../lib/files/outputs/open.js'
import { readStored } from '../../lib/files/outputs/stored.js'
import { withFolder } from '../api/support.js'

const options = { dimensions: 2, fingerprint: 'f00d', preparation: { align: 'none', flip: false, decode: 1 } } as const

async function write(path: string, name: string): Promise<void> {
  const output = await openOutput(path, options)
  await output.write([{ path: name, embedding: Float32Array.of(name.length, 1) }])
  await output.close()
}

/** As a kill leaves them: the paths of `to` with the rows of `from`. */
async function interrupted(folder: string, from: string, to: string): Promise<void> {
  const [x, y] = [join(folder, 'x.npy'), join(folder, `${to}.npy`)]
  await write(y, to)
  await copyFile(`${x}.json`, nameOfEarlier(`${x}.json`))
  await copyFile(`${y}.json`, `${x}.json`)
  assert.equal((await readStored(x)).paths, [from])
}

test('rows that are left behind keep their paths, also where the next writer is killed too', () =>
  withFolder({}, async (folder) => {
    const x = join(folder, 'x.npy')
    await write(x, 'first')
    await interrupted(folder, 'first', 'second')
    // The next one must not take the paths of the second run for those of the rows.
    await write(x, 'third')
    assert.equal((await readStored(x)).paths, ['third'])
    assert.equal(
      (await readdir(folder)).filter((name) => name.startsWith('.')),
      [],
    )
    await interrupted(folder, 'third', 'fourth')
  }))

test('rows of nobody are refused', () =>
  withFolder({}, async (folder) => {
    const [x, y] = [join(folder, 'x.npy'), join(folder, 'y.npy')]
    await write(x, 'one')
    await write(y, 'other')
    await copyFile(`${y}.json`, `${x}.json`)
    const error = await readStored(x).catch((error: Error) => error)
    assert.match((error as Error).message, /the two files are not of one run/)
  }))

test.run()
