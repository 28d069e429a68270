/** The same clusters as ml-hclust, which joins the two nearest clusters of a whole matrix again and again, in n^3 steps. */
import { agnes } from 'ml-hclust'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clusterEmbeddings, type Linkage, linkages, pairwiseDistances } from '../../lib/index.js'
import { slow } from '../support/slow.js'
import { embedPeople, type Faces, missing } from './lfw_faces.js'
import { faces, numbered } from './support.js'

async function compare({ embeddings, dimensions }: Omit<Faces, 'identities'>, linkage: Linkage, thresholds: number[]) {
  const rows = embeddings.length / dimensions
  const flat = await pairwiseDistances(embeddings, { dimensions, device: 'reference' })
  const matrix = Array.from({ length: rows }, (_, i) => Array.from(flat.subarray(i * rows, (i + 1) * rows)))
  const tree = agnes(matrix, { method: linkage, isDistanceMatrix: true })
  for (const threshold of thresholds) {
    const expected = new Int32Array(rows)
    for (const [label, cluster] of tree.cut(threshold).entries()) {
      for (const row of cluster.indices()) expected[row] = label
    }
    const labels = await clusterEmbeddings(embeddings, { dimensions, threshold, linkage })
    const clusters = new Set(labels).size
    assert.ok(clusters > 1 && clusters < rows, `${clusters} clusters below ${threshold} say nothing`)
    assert.equal([...labels], numbered(expected), `below ${threshold}`)
  }
}

for (const linkage of linkages) {
  test(`${linkage}: 400 made faces`, () =>
    compare({ embeddings: faces(400, 50, 128, 0.75, 3), dimensions: 128 }, linkage, [0.7, 0.9, 1.1]))
}

const obstacle = missing ? `${missing} is missing` : slow ? undefined : 'FACENET_SLOW_TESTS=1 runs it, for minutes'
let photographs: Promise<Faces> | undefined
for (const linkage of linkages) {
  const title = `${linkage}: 2,000 photographed faces`
  const check = async () => {
    photographs ??= embedPeople(2000)
    await compare(await photographs, linkage, [0.6, 0.8, 1])
  }
  if (obstacle) test.skip(`${title} (skipped: ${obstacle})`, check)
  else test(title, check)
}

test.run()
