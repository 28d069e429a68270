/**
 * Embeds all of Labeled Faces in the Wild by dlib's network and by MobileFaceNet, each aligned by its five points, for `migration.ts`,
 * into dlib.npy and mobilefacenet.npy in the folder that is named.
 *
 *     node --import tsx bench/migration_rows.ts folder
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { importModel } from '../lib/convert/importers/import_model.js'
import { openOutput } from '../lib/files/index.js'
import { openModel } from '../lib/index.js'
import { archive, data, importMobile } from '../test/clustering/lfw_faces.js'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('name the folder to write to')
await mkdir(folder, { recursive: true })

const weights = join(data, 'weights/dlib_resnet_v1.safetensors')
const importDlib = () =>
  importModel(weights, {
    graph: weights.replace(/safetensors$/, 'graph.json'),
    size: [150, 150],
    color: 'rgb',
    mean: 0,
    scale: 1,
    alignment: 'dlib',
  })

for (const [name, make] of [
  ['mobilefacenet', importMobile],
  ['dlib', importDlib],
] as const) {
  await using model = await openModel(await make())
  const how = { align: 'points' } as const
  const { dimensions, fingerprint } = model
  const output = await openOutput(join(folder, `${name}.npy`), {
    dimensions,
    fingerprint,
    preparation: model.preparationOf(how),
  })
  let done = 0
  for await (const { path, embedding } of model.embedStream(archive, how)) {
    await output.write([{ path: path.slice(archive.length + 1), embedding }])
    if (++done % 2000 === 0) console.error(`${name}: ${done}`)
  }
  await output.close()
}
