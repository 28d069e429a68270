/** How well clusters agree with the people who are known to be in the images. */
import { describe, invalidArgument } from '../errors.js'

/** Precision and recall of one measure. */
export interface Agreement {
  /** 0..1: of what was put together, how much belongs together. */
  precision: number
  /** 0..1: of what belongs together, how much was put together. */
  recall: number
  /** Their harmonic mean. */
  f: number
}

/** What `scoreClusters` finds. */
export interface ClusterScores {
  /** Over pairs of images. Precision is 1 where no cluster holds two images, recall where no person has two. */
  pairwise: Agreement
  /**
   * BCubed (Bagga and Baldwin, 1998): for each image the share of its cluster that is its person, and the share of its
   * person that is in its cluster, the image itself counted; averaged over images.
   */
  bcubed: Agreement
  /** The share of images whose person is the most frequent one in their cluster. */
  purity: number
  /** Noise left out. */
  clusters: number
  /** Images that are in no cluster. */
  noise: number
  /** People among the faces. */
  identities: number
}

/**
 * How well clusters agree with the people who are known to be in the images. A label below zero, which is DBSCAN's noise,
 * counts as a cluster of that image alone.
 *
 * @param labels of clusters, one for each image.
 * @param identities of people, names or numbers, one for each image.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where there are none, or not as many of one as of the other.
 *
 * @example
 * ```ts
 * import { basename, dirname } from 'node:path'
 *
 * const people = photographs.map((path) => basename(dirname(path)))
 * const { bcubed } = scoreClusters(labels, people)
 * ```
 */
export function scoreClusters(
  labels: ArrayLike<number>,
  identities: ArrayLike<string> | ArrayLike<number>,
): ClusterScores {
  const n = lengthOf(labels, 'labels')
  lengthOf(identities, 'identities')
  if (n === 0) throw invalidArgument('labels', 'at least one label', describe(labels))
  if (identities.length !== n) {
    throw invalidArgument('identities', `one for each of the ${n} labels`, `${identities.length} of them`)
  }
  const [clusters, people] = [new Map<number, number>(), new Map<string | number, number>()]
  const cells = new Map<number, Map<string | number, number>>()
  let noise = 0
  for (let i = 0; i < n; i++) {
    const label = labels[i]! < 0 ? -++noise : labels[i]!
    const person = identities[i]!
    count(clusters, label)
    count(people, person)
    const row = cells.get(label) ?? new Map<string | number, number>()
    cells.set(label, row)
    count(row, person)
  }

  let [together, precise, recalled, pure] = [0, 0, 0, 0]
  for (const [label, row] of cells) {
    for (const [person, both] of row) {
      together += pairs(both)
      precise += (both * both) / clusters.get(label)!
      recalled += (both * both) / people.get(person)!
    }
    pure += Math.max(...row.values())
  }
  const [joined, belonging] = [sumOfPairs(clusters), sumOfPairs(people)]
  return {
    pairwise: agreement(joined === 0 ? 1 : together / joined, belonging === 0 ? 1 : together / belonging),
    bcubed: agreement(precise / n, recalled / n),
    purity: pure / n,
    clusters: clusters.size - noise,
    noise,
    identities: people.size,
  }
}

function lengthOf(list: unknown, name: string): number {
  const length = typeof list === 'object' && list !== null ? (list as ArrayLike<unknown>).length : undefined
  if (!Number.isSafeInteger(length) || length! < 0) throw invalidArgument(name, 'an array', list)
  return length!
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

const pairs = (items: number) => (items * (items - 1)) / 2
const sumOfPairs = (counts: Map<unknown, number>) => [...counts.values()].reduce((sum, each) => sum + pairs(each), 0)

function agreement(precision: number, recall: number): Agreement {
  const sum = precision + recall
  return { precision, recall, f: sum === 0 ? 0 : (2 * precision * recall) / sum }
}
