/**
 * An album that grows: 2,000 photographs come in ten instalments, and each is put to the people of a gallery. How well do its people
 * agree with the real ones, beside clustering all at once? The rows are those of `album_rows.ts`.
 *
 *     node --import tsx bench/albums.ts rows.npy [threshold]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readStored } from '../lib/files/index.js'
import { clusterEmbeddings, openGallery, scoreClusters } from '../lib/index.js'

const instalments = 10
const [file, given = '1.0'] = process.argv.slice(2)
if (file === undefined) throw new Error('name the .npy file of album_rows.ts')
const threshold = Number(given)
const stored = await readStored(file)
const { data, paths, dimensions, rows } = stored
const identities = paths.map((path) => path.split('/')[0]!)
const print = (what: string, labels: ArrayLike<number>) => {
  const { bcubed, pairwise, clusters, noise } = scoreClusters(labels, identities)
  const figures = [bcubed.f, bcubed.precision, bcubed.recall, pairwise.f].map((value) => value.toFixed(4))
  console.log(`| ${[what, ...figures, clusters, noise].join(' | ')} |`)
}

console.log(`${rows} photographs of ${new Set(identities).size} people, average linkage below ${threshold}\n`)
console.log('| way | BCubed F | precision | recall | pairwise F | people | unassigned |')
console.log('|---|---|---|---|---|---|---|')
print('clusterEmbeddings, all at once', await clusterEmbeddings(stored, { threshold }))

const folder = await mkdtemp(join(tmpdir(), 'facenet-albums-'))
try {
  for (const minFaces of [1, 2, 3]) {
    for (const portions of [1, instalments])
      print(`gallery, ${portions} x, minFaces ${minFaces}`, await grow(portions, minFaces))
  }
} finally {
  await rm(folder, { recursive: true })
}

/** A label a photograph. Throws where a face that has a person is moved. */
async function grow(portions: number, minFaces: number): Promise<Int32Array> {
  await using gallery = await openGallery(join(folder, `${portions}-${minFaces}.db`), { model: stored })
  const had = new Map<string, string>()
  const each = Math.ceil(rows / portions)
  for (let from = 0; from < rows; from += each) {
    const ids = paths.slice(from, from + each)
    const faces = ids.map((id, i) => ({
      id,
      image: id,
      embedding: data.subarray((from + i) * dimensions, (from + i + 1) * dimensions),
    }))
    await gallery.addMany(faces)
    await gallery.cluster({ threshold, minFaces })
    for await (const { id, person } of gallery.faces()) {
      const before = had.get(id)
      if (before !== undefined && before !== person) throw new Error(`${id} was moved from ${before} to ${person}`)
      if (person !== null) had.set(id, person)
    }
  }
  const numbers = new Map((await gallery.people()).map(({ person, number }) => [person, number]))
  return Int32Array.from(paths, (id) => numbers.get(had.get(id) ?? '') ?? -1)
}
