// node --import tsx examples/embed_folder.ts photos/ faces.jsonl
//
// Every face of every photograph of a folder into a file, in bounded memory. Photographs without a face are said so.
import type { FailedImage } from 'facenet-native'
import { openOutput } from 'facenet-native/files'
import { openExampleDetector, openExampleModel } from './weights.js'

const [folder, out] = process.argv.slice(2) as [string, string]
await using model = await openExampleModel()
await using detector = await openExampleDetector()

const { dimensions, fingerprint } = model
const output = await openOutput(out, { dimensions, fingerprint })
const onError = ({ path, error }: FailedImage) => console.error(`${path}: ${error.message}`)
try {
  let faces = 0
  for await (const { path, embedding, face } of model.embedStream(folder, { detector, faces: 'all', onError })) {
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
