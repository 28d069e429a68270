/**
 * Embeds 2,000 photographs of Labeled Faces in the Wild for `albums.ts`, into the .npy file that is named: chosen and ordered by
 * chance with a fixed seed, of people with five or more, aligned by their five points, MobileFaceNet.
 *
 *     node --import tsx bench/album_rows.ts rows.npy
 */

import { openOutput } from '../lib/files/index.js'
import { openModel } from '../lib/index.js'
import { openSource, type SourceImage } from '../lib/sources/index.js'
import { mulberry32 } from '../lib/training/random.js'
import { archive, importMobile } from '../test/clustering/lfw_faces.js'

const photographs = 2000
const [out] = process.argv.slice(2)
if (out === undefined) throw new Error('name the .npy file to write')

const images = new Map<string, SourceImage[]>()
for await (const image of openSource(archive)) {
  const person = image.path.slice(archive.length + 1).split('/')[0]!
  images.set(person, [...(images.get(person) ?? []), image])
}
const random = mulberry32(1)
const chosen = [...images.values()]
  .filter((each) => each.length >= 5)
  .flat()
  .map((image) => ({ image, at: random() }))
  .sort((a, b) => a.at - b.at)
  .slice(0, photographs)
  .map(({ image }) => image)
await using model = await openModel(await importMobile())
const how = { align: 'points' } as const
const output = await openOutput(out, {
  dimensions: model.dimensions,
  fingerprint: model.fingerprint,
  preparation: model.preparationOf(how),
})
for await (const { path, embedding } of model.embedStream(chosen, how)) {
  await output.write([{ path: path.slice(archive.length + 1), embedding }])
}
await output.close()
