/**
 * Photographs of Labeled Faces in the Wild, people with five or more images, at most eight of each, aligned by their five points. The threshold is
 * chosen on the people of View 1's training half; the figures of its test half and of everyone are printed.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clusterEmbeddings, scoreClusters } from '../../lib/index.js'
import { data, embedPeople, missing } from './lfw_faces.js'

const title = 'LFW people with five or more images: BCubed F over 0.95'

if (missing) {
  test.skip(`${title} (skipped: ${missing} is missing)`)
} else {
  test(title, async () => {
    const { embeddings, identities, dimensions } = await embedPeople()
    const training = new Set(await people('peopleDevTrain.txt'))
    const testing = new Set(await people('peopleDevTest.txt'))
    const scoresOf = async (threshold: number, wanted: (name: string) => boolean) => {
      const rows = identities.flatMap((name, i) => (wanted(name) ? [i] : []))
      const some = new Float32Array(rows.length * dimensions)
      for (const [i, row] of rows.entries()) {
        some.set(embeddings.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions)
      }
      const labels = await clusterEmbeddings(some, { dimensions, threshold })
      return scoreClusters(
        labels,
        rows.map((row) => identities[row]!),
      )
    }
    let best = { threshold: 0, f: 0 }
    for (let threshold = 0.5; threshold < 1.6; threshold += 0.05) {
      const { f } = (await scoresOf(threshold, (name) => training.has(name))).bcubed
      if (f > best.f) best = { threshold, f }
    }
    console.log(`average linkage below ${best.threshold.toFixed(2)}; BCubed F of View 1's train ${best.f.toFixed(4)}`)
    for (const [what, wanted] of [
      ["View 1's test", (name: string) => testing.has(name)],
      ['everyone', () => true],
    ] as const) {
      const { bcubed, pairwise, purity, clusters, identities } = await scoresOf(best.threshold, wanted)
      const rest = `pairwise F ${pairwise.f.toFixed(4)}, purity ${purity.toFixed(4)}, ${clusters} clusters`
      console.log(`${what}: BCubed F ${bcubed.f.toFixed(4)}, ${rest} of ${identities} people`)
      assert.ok(bcubed.f > 0.95, `${what}: BCubed F ${bcubed.f}`)
    }
  })
}

async function people(file: string): Promise<string[]> {
  const lines = (await readFile(join(data, 'lfw', file), 'utf8')).trim().split('\n').slice(1)
  return lines.map((line) => line.split('\t')[0]!)
}

test.run()
