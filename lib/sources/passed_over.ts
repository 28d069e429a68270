/** What a source leaves out: nothing is dropped in silence. */
import { extname } from 'node:path'
import { headBytes, kindOf } from '../images/format.js'

/** Something that a source has and gives no image of. */
export interface PassedOver {
  /** As of images; folders end in a slash. */
  path: string
  /** What it is counted as: `.heic`, `.git/`, `hidden`, `excluded`, `without ending`, `link`. */
  kind: string
  /** Why, and where there is one the way to use it. */
  reason: string
}

/** Names that are taken for images without a look at their bytes: what is wrong with one is found when it is decoded. */
export const imageName = /\.(jpe?g|jpe|jfif|png|webp|gif|avif|tiff?)$/i
/** Raw files of cameras. Many are TIFF by their bytes, but what decodes of them is a thumbnail. */
const rawName = /\.(arw|cr2|cr3|crw|dng|nef|nrw|orf|pef|raf|rw2|sr2|srw)$/i

/** A file by its first bytes, read where its name does not say that it is an image. Undefined for an image. */
export async function passedOverFormat(
  path: string,
  readHead: (length: number) => Promise<Uint8Array>,
): Promise<PassedOver | undefined> {
  if (imageName.test(path)) return undefined
  const kind = extname(path).toLowerCase() || 'without ending'
  if (rawName.test(path)) return { path, kind, reason: 'a raw file of a camera; convert it to JPEG first' }
  const found = kindOf(await readHead(headBytes))
  if (found?.decodes) return undefined
  if (!found) return { path, kind, reason: 'not an image by its first bytes' }
  return { path, kind, reason: `${found.name} is not decoded${found.advice ? `; ${found.advice}` : ''}` }
}

/**
 * Counts of what was passed over, in bounded memory, and what they say.
 *
 * @example
 * ```ts
 * const passedOver = new PassedOverCounts()
 * for await (const image of openSource('photos/', { onPassedOver: (entry) => passedOver.add(entry) })) await image.read()
 * console.error(passedOver.lines().join('\n')) // 3 files passed over: 2 .heic, 1 .mp4
 * ```
 */
export class PassedOverCounts {
  /** By kind. */
  readonly kinds = new Map<string, number>()
  /** By the reason, for kinds that there is a way for. */
  readonly #advice = new Map<string, string>()
  /** Files, folders and links. */
  total = 0

  /**
   * Counts one.
   *
   * @param entry what was passed over.
   */
  add(entry: PassedOver): void {
    const { kind, reason } = entry
    this.total++
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1)
    if (reason.includes(';') && this.#advice.size < 20 && !this.#advice.has(kind)) this.#advice.set(kind, reason)
  }

  /**
   * For people.
   *
   * @returns `3 files passed over: 2 .heic, 1 .mp4`, and a line for each kind that there is a way for; nothing where all was used.
   */
  lines(): string[] {
    if (this.total === 0) return []
    const sorted = [...this.kinds].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    const files = sorted.every(([kind]) => !kind.endsWith('/')) ? 'file' : 'file or folder'
    const what = this.total === 1 ? files : files.replaceAll(/file|folder/g, '$&s').replace(' or ', ' and ')
    const counts = sorted.map(([kind, count]) => `${count} ${kind}`).join(', ')
    return [
      `${this.total} ${what} passed over: ${counts}`,
      ...[...this.#advice].map(([kind, reason]) => `  ${kind}: ${reason}`),
    ]
  }

  /**
   * For machines.
   *
   * @returns how many in all, and of each kind.
   */
  toJSON(): { total: number; kinds: Record<string, number> } {
    return { total: this.total, kinds: Object.fromEntries([...this.kinds].sort(([a], [b]) => (a < b ? -1 : 1))) }
  }
}
