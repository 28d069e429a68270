import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import sharp from 'sharp'
import { test } from 'uvu'
import { openSource, type PassedOver, PassedOverCounts, type SourceOptions } from '../../lib/sources/index.js'

export const picture = sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } })
export const jpeg = await picture.clone().jpeg().toBuffer()
export const png = await picture.clone().png().toBuffer()
export const heic = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1')
export const mp4 = Buffer.from('\0\0\0\x18ftypisom\0\0\0\0isommp42', 'latin1')
export const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'

/** A folder of its own for each test of a file. */
export let folder = ''
export function inFolders(): void {
  test.before.each(async () => {
    folder = await mkdtemp(join(tmpdir(), 'facenet-passed-over-'))
  })
  test.after.each(() => rm(folder, { recursive: true, force: true }))
}

export async function write(files: Record<string, Uint8Array | string>) {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), content)
  }
}

export interface Read {
  /** Paths from `from` on, of images whose bytes can be read. */
  good: string[]
  bad: string[]
  /** Kinds and paths of what was passed over. */
  left: string[]
  entries: PassedOver[]
  counts: PassedOverCounts
}

export async function readAll(source: string | string[], options: SourceOptions = {}, from = folder): Promise<Read> {
  const found: Read = { good: [], bad: [], left: [], entries: [], counts: new PassedOverCounts() }
  const onPassedOver = (entry: PassedOver) => {
    found.counts.add(entry)
    found.entries.push(entry)
    found.left.push(`${entry.kind} ${relative(from, entry.path)}`)
  }
  for await (const { path, read } of openSource(source, { ...options, onPassedOver })) {
    const name = relative(from, path)
    await read().then(
      () => found.good.push(name),
      (error) => found.bad.push(`${name}: ${error.message}`),
    )
  }
  return found
}
