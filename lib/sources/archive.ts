/** The images of an archive of any format: which of its entries are taken, and what is said of the others. */
import { FaceNetError } from '../errors.js'
import { tooLarge } from '../files/read_bounded.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { archiveFilter } from './filter.js'
import type { Walk } from './folder.js'
import { imageName, passedOverFormat } from './passed_over.js'
import { keyOfName, type PointsTable } from './points.js'
import { type SourceImage, unusable } from './source.js'

export interface ArchiveEntry {
  name: string
  /** Bytes, unpacked. */
  size: number
  /** A link, or what else gives no image: its kind and why. */
  passedOver?: { kind: string; reason: string }
  /** Why its bytes cannot be had, for a message `Expected ... but received ...`. */
  problem?: { expected: string; received: string }
  /** The first bytes. */
  readHead(length: number): Promise<Uint8Array>
  /** Called for an entry that is used, before the next one is asked for; what it resolves to may be called at any time. */
  take(path: string): Promise<() => Promise<Uint8Array>>
}

export async function* archiveImages(
  archive: string,
  entries: AsyncIterable<ArchiveEntry>,
  points: PointsTable,
  walk: Walk,
): AsyncGenerator<SourceImage> {
  const filter = archiveFilter(walk.filter)
  const folders = new Set<string>()
  for await (const entry of entries) {
    throwIfAborted(walk.signal)
    const { name, size, problem } = entry
    const path = `${archive}/${name}`
    const left = leaves(name) ? undefined : filter(name)
    if (left) {
      // A folder is counted once, and not for each file in it.
      if (left.path.endsWith('/') && folders.has(left.path)) continue
      folders.add(left.path)
      walk.passOver({ path: `${archive}/${left.path}`, ...left.why })
    } else if (entry.passedOver) walk.passOver({ path, ...entry.passedOver })
    else if (leaves(name)) yield unusable(path, refused(path, 'a name within the archive', 'one that leads out of it'))
    else if (problem) yield unusable(path, refused(path, problem.expected, problem.received))
    else {
      const why = await passedOverFormat(path, (length) => entry.readHead(Math.min(length, size)))
      if (why) walk.passOver(why)
      else if (size > walk.maxImageBytes) yield unusable(path, tooLarge(path, size, walk.maxImageBytes))
      else yield { path, read: await entry.take(path), points: points.get(keyOfName(name.replace(/^\.\//, ''))) }
    }
  }
}

/** Nothing is ever written under an entry's name; yet whoever joins paths is not to be led astray. */
const leaves = (name: string) => /^[/\\]|^[a-z]:|(^|[/\\])\.\.([/\\]|$)/i.test(name)

function refused(path: string, expected: string, received: string): FaceNetError {
  const message = `Expected ${expected} for ${path} but received ${received}`
  return new FaceNetError('ERR_FACENET_IO', message, { argument: path, expected, received })
}

/** An entry that only matters where its name says that it is an image. */
export function unlessImage(name: string, kind: string, reason: string, expected: string): Partial<ArchiveEntry> {
  return imageName.test(name) ? { problem: { expected, received: reason } } : { passedOver: { kind, reason } }
}
