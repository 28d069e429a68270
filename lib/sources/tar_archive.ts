/** Images of `.tar`, read from their places, and of `.tgz`, which is unpacked while it is listed. */
import { stat } from 'node:fs/promises'
import { type ArchiveEntry, archiveImages, unlessImage } from './archive.js'
import { type Bytes, damaged, FileBytes, GzipBytes, readRange } from './archive_bytes.js'
import type { Walk } from './folder.js'
import { readPoints } from './points.js'
import type { SourceImage } from './source.js'
import { Spool } from './spool.js'
import { type AnyTarEntry, isRegular, isTarFolder, isTarLink, parseTar } from './tar.js'

/** A tar archive may be unpacked to so many times its size, and `gzipRoom` beside that. */
const mostTimes = 100
const gzipRoom = 64 * 2 ** 20

type Take = ArchiveEntry['take']

/** Images of an archive, in its order. */
export async function* tarImages(path: string, walk: Walk): AsyncGenerator<SourceImage> {
  const bytes = await FileBytes.open(path)
  const take =
    ({ offset, size }: AnyTarEntry): Take =>
    async (name) =>
    async () => {
      const found = await readRange(path, offset, size)
      if (found.length < size) throw damaged(path, `${size} bytes of ${name}`, `${found.length} bytes`)
      return found
    }
  yield* imagesOf(path, bytes, take, walk)
}

/**
 * The same of a compressed one. It can only be unpacked from its start, so its images are put into a temporary file that has no
 * name any more, and is gone with the process however that ends.
 */
export async function* gzippedTarImages(path: string, walk: Walk): AsyncGenerator<SourceImage> {
  const most = (await stat(path)).size * mostTimes + gzipRoom
  const bytes = new GzipBytes(path, most, walk.signal)
  const spool = new Spool(path)
  const take =
    ({ offset, size }: AnyTarEntry): Take =>
    () =>
      spool.add(bytes, offset, size)
  yield* imagesOf(path, bytes, take, walk)
}

async function* imagesOf(
  path: string,
  bytes: Bytes,
  take: (entry: AnyTarEntry) => Take,
  walk: Walk,
): AsyncGenerator<SourceImage> {
  try {
    const points = await readPoints([path.replace(/\.(tar|tgz|tar\.gz)$/i, '.tsv')])
    yield* archiveImages(path, entriesOf(bytes, take), points, walk)
  } finally {
    await bytes.close()
  }
}

async function* entriesOf(bytes: Bytes, take: (entry: AnyTarEntry) => Take): AsyncGenerator<ArchiveEntry> {
  for await (const entry of parseTar(bytes)) {
    const { name, size, offset, kind } = entry
    if (isTarFolder(kind)) continue
    yield {
      name,
      size,
      ...oddity(entry),
      readHead: (length) => bytes.read(offset, length),
      take: take(entry),
    }
  }
}

function oddity({ name, kind, sparse }: AnyTarEntry): Partial<ArchiveEntry> {
  if (isTarLink(kind)) return { passedOver: { kind: 'link', reason: 'a link within an archive' } }
  if (sparse) return unlessImage(name, 'sparse file', 'a sparse one', 'a file that is stored whole')
  if (isRegular(kind)) return {}
  return unlessImage(name, 'special file', `a tar entry of type ${JSON.stringify(kind)}`, 'a file')
}
