// node --import tsx examples/embed_folder.ts photos/ faces.jsonl
//
// Every face of every photograph of a folder into a file, in bounded memory. Photographs without a face are said so.
import type { FailedImage } from 'facenet-native'
import { openOutput } from 'facenet-native/files'
import { openExampleDetector, openExampleModel } from './weights.js'

const [folder, out] = process.argv.slice(2) as [string, string]
await using model = await openExampleModel()
await using detector = await openExampleDetector()

const how = { detector, faces: 'all' } as const
const { dimensions, fingerprint } = model
// With the rows goes how their faces were cut out, so that rows are compared with their like only.
const output = await openOutput(out, { dimensions, fingerprint, preparation: model.preparationOf(how) })
const onError = ({ path, error }: FailedImage) => console.error(`${path}: ${error.message}`)
try {
  let faces = 0
  for await (const { path, embedding, face } of model.embedStream(folder, { ...how, onError })) {
    await output.write([{ path, embedding, face }])
    faces++
  }
  // Only now is there a file of that name.
  await output.close()
  console.log(`${faces} faces in ${out}`)
} catch (error) {
  await output.abort()
  throw error
}
