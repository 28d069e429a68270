/** NumPy's array format, version 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
import { createHash } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { cannotWrite } from '../../errors.js'
import { Lock } from '../lock.js'
import { PendingFile } from '../pending_file.js'
import { discard } from '../temporary.js'
import { aboutOf } from './about.js'
import { keepEarlier, nameOfEarlier } from './npy_pair.js'
import type { EmbeddingRow, MissingRow, Output, OutputOptions } from './output.js'

/** Room for any row count, so that the header can be rewritten in place; NumPy wants a multiple of 64. */
const headerBytes = 128
/** Written at a time. */
const pathsTogether = 4096

function header(rows: number, dimensions: number): Uint8Array {
  const description = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dimensions}), }`
  const bytes = Buffer.alloc(headerBytes, ' ')
  bytes.write('\x93NUMPY\x01\x00', 'latin1')
  bytes.writeUInt16LE(headerBytes - 10, 8)
  bytes.write(description, 10, 'latin1')
  bytes.write('\n', headerBytes - 1)
  return bytes
}

/** Rows one after another as little-endian float32, whatever the machine's order of bytes. */
function littleEndian(rows: readonly EmbeddingRow[], dimensions: number): Uint8Array {
  const bytes = new Uint8Array(rows.length * dimensions * 4)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < rows.length; ++i) {
    const { embedding } = rows[i]!
    for (let j = 0; j < dimensions; ++j) view.setFloat32((i * dimensions + j) * 4, embedding[j]!, true)
  }
  return bytes
}

export async function npyOutput(
  path: string,
  { dimensions, fingerprint, preparation }: OutputOptions,
): Promise<Output> {
  const array = await PendingFile.open(path)
  const paths = await PendingFile.open(`${path}.json`).catch(async (error) => {
    await array.abort()
    throw error
  })
  const abort = async () => void (await Promise.all([array.abort(), paths.abort()]))
  /** Neither of the two files is left when one of them fails. */
  const both = (action: () => Promise<void>) =>
    action().catch(async (error) => {
      await abort()
      throw error
    })

  let count = 0
  const names: string[] = []
  const missing: MissingRow[] = []
  const digest = createHash('sha256')
  await both(async () => {
    if (array.target === undefined || paths.target === undefined) {
      throw cannotWrite(path, 'a file: .npy begins with the number of its rows', new Error('it is a device or a pipe'))
    }
    await array.write(header(0, dimensions))
    await paths.write(
      Buffer.from(`{${JSON.stringify({ fingerprint, dimensions, preparation }).slice(1, -1)},"about":[`),
    )
  })
  return {
    write: (rows) =>
      both(async () => {
        const lines = rows.map((row, i) => `${count + i === 0 ? '' : ','}\n${JSON.stringify(aboutOf(row))}`)
        for (const { path } of rows) names.push(path)
        const bytes = littleEndian(rows, dimensions)
        digest.update(bytes)
        await array.write(bytes)
        await paths.write(Buffer.from(lines.join('')))
        count += rows.length
      }),
    async writeMissing(rows) {
      missing.push(...rows)
    },
    close: () =>
      both(async () => {
        await array.write(header(count, dimensions), 0)
        await paths.write(Buffer.from('\n],"paths":['))
        for (let from = 0; from < names.length; from += pathsTogether) {
          const lines = names.slice(from, from + pathsTogether).map((name) => `\n${JSON.stringify(name)}`)
          await paths.write(Buffer.from(`${from > 0 ? ',' : ''}${lines.join(',')}`))
        }
        const rest = { missing, sha256: digest.digest('hex') }
        await paths.write(Buffer.from(`\n],${JSON.stringify(rest).slice(1)}\n`))
        // Both are on the disk before either gets its name, so that what can fail has failed by then.
        await array.seal()
        await paths.seal()
        const lock = join(dirname(array.target!), `.${basename(array.target!)}.lock`)
        await Lock.during(lock, () => commitBoth(paths, array))
      }),
    abort,
  }
}

/**
 * Two renames, between which the process may be killed: the second file, by its digest of the rows, belongs to no others. So it goes
 * first, as that of an earlier version has none. Where the rows cannot be put in their place, it is taken back; where the process is
 * killed, readers find the one before by its second name.
 */
async function commitBoth(paths: PendingFile, array: PendingFile): Promise<void> {
  const target = paths.target!
  const earlier = nameOfEarlier(target)
  const kept = await keepEarlier(target, array.target!).catch((cause) => {
    throw cannotWrite(paths.path, 'a file', cause)
  })
  await paths.commit()
  await array.commit().catch(async (error) => {
    if (kept) await rename(earlier, target)
    else await discard(target)
    throw error
  })
  await discard(earlier)
}
