// node --import tsx examples/search.ts faces.jsonl who.jpg
//
// Who of a gallery is on a photograph? The gallery is what embed_folder.ts wrote, or `facenet embed --out`.
import { nearestNeighbors } from 'facenet-native'
import { readStored } from 'facenet-native/files'
import { openExampleDetector, openExampleModel } from './weights.js'

const [stored, photograph] = process.argv.slice(2) as [string, string]
const gallery = await readStored(stored)
await using model = await openExampleModel()
await using detector = await openExampleDetector()

// Rows know which model made them: a gallery of another model is refused.
const who = await model.embedRows([photograph], { detector })
const { indices, distances } = await nearestNeighbors(who, gallery, { k: Math.min(3, gallery.rows) })
for (const [rank, row] of indices.entries()) {
  const verdict = distances[rank]! < model.threshold! ? 'same person' : 'somebody else'
  console.log(`${distances[rank]!.toFixed(3)}  ${gallery.paths[row]}  ${verdict}`)
}
