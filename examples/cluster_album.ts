// node --import tsx examples/cluster_album.ts photos/
//
// The faces of an album, put together by person.
import { clusterEmbeddings, type FailedImage } from 'facenet-native'
import { openExampleDetector, openExampleModel } from './weights.js'

const [album] = process.argv.slice(2) as [string]
await using model = await openExampleModel()
await using detector = await openExampleDetector()

const how = { detector, faces: 'all' } as const
const paths: string[] = []
const rows: Float32Array[] = []
const onError = ({ path, error }: FailedImage) => console.error(`${path}: ${error.message}`)
for await (const { path, embedding } of model.embedStream(album, { ...how, onError })) {
  paths.push(path)
  rows.push(embedding)
}
const labels = await clusterEmbeddings(model.embeddings(rows, model.preparationOf(how)), { threshold: model.threshold! })
const people = new Map<number, string[]>()
for (const [i, path] of paths.entries()) people.set(labels[i]!, [...(people.get(labels[i]!) ?? []), path])
for (const [person, faces] of people) console.log(`person ${person + 1}: ${faces.join(', ')}`)
