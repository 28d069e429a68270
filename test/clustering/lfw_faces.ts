/** Embeddings of Labeled Faces in the Wild, aligned by its five points, for tests that have the data. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { importModel } from '../../lib/convert/importers/import_model.js'
import { openModel } from '../../lib/index.js'
import { openSource, type SourceImage } from '../../lib/sources/index.js'

export const data = process.env.FACENET_DATA ?? '../shared/data'
export const archive = join(data, 'lfw/lfw.tar')
const weights = join(data, 'weights/mobilefacenet_192.safetensors')

/** The file that a test must do without; undefined where all are there. */
export const missing = [archive, weights].find((path) => !existsSync(path))

export interface Faces {
  /** n x dimensions. */
  embeddings: Float32Array
  dimensions: number
  identities: string[]
}

/** Of people with five or more images, in the order of the archive: the first eight of each, of all or until there are `most`. */
export async function embedPeople(most = Infinity): Promise<Faces> {
  const personOf = (path: string) => path.slice(archive.length + 1).split('/')[0]!
  const counts = new Map<string, number>()
  for await (const { path } of openSource(archive)) {
    counts.set(personOf(path), (counts.get(personOf(path)) ?? 0) + 1)
  }
  const wanted: SourceImage[] = []
  const have = new Map<string, number>()
  for await (const image of openSource(archive)) {
    const person = personOf(image.path)
    if (counts.get(person)! < 5 || wanted.length >= most) continue
    const taken = have.get(person) ?? 0
    if (taken < 8) wanted.push(image)
    have.set(person, taken + 1)
  }
  await using model = await openModel(await importMobile())
  const rows: Float32Array[] = []
  const identities: string[] = []
  for await (const { path, embedding } of model.embedStream(wanted, { align: 'points' })) {
    rows.push(embedding)
    identities.push(personOf(path))
  }
  const { dimensions } = model
  const embeddings = new Float32Array(rows.length * dimensions)
  for (const [i, row] of rows.entries()) embeddings.set(row, i * dimensions)
  return { embeddings, dimensions, identities }
}

export const importMobile = () =>
  importModel(weights, {
    graph: weights.replace(/safetensors$/, 'graph.json'),
    size: [112, 112],
    color: 'rgb',
    mean: 127.5,
    scale: 0.0078125,
    alignment: 'arcface112',
  })
