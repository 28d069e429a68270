/** A gallery with enough faces for an index finds what a plain search finds, however its faces come and go. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nearestNeighbors } from '../../lib/index.js'
import { facesOf, model, randomRows, rowOf, withGallery } from './support.js'

const { dimensions } = model
const k = 6

test('additions, replacements and removals of a large gallery, searched all the while', () =>
  withGallery(async (gallery) => {
    const queries = randomRows(9, 7)
    let known: { id: string; embedding: Float32Array }[] = []
    const check = async (what: string) => {
      const rows = new Float32Array(known.length * dimensions)
      for (const [i, { embedding }] of known.entries()) rows.set(embedding, i * dimensions)
      const { indices, distances } = await nearestNeighbors(queries, rows, { dimensions, k, device: 'reference' })
      const found = await gallery.searchMany(queries, { k })
      assert.equal(
        found.map((matches) => matches.map(({ id, distance }) => [id, distance])),
        Array.from(found, (_, q) =>
          Array.from({ length: k }, (_, i) => [known[indices[q * k + i]!]!.id, distances[q * k + i]]),
        ),
        what,
      )
    }
    const add = async (faces: { id: string; embedding: Float32Array }[]) => {
      await gallery.addMany(faces)
      known.push(...faces)
    }
    await add(facesOf(randomRows(2500)))
    await check('an index')
    await add(facesOf(randomRows(3, 3), 2500))
    await Promise.all([check('three more'), check('and again'), gallery.searchMany(queries, { k })])

    const nearest = (await gallery.search(rowOf(queries, 0), { k: 3 })).map(({ id }) => id)
    await gallery.remove(nearest)
    known = known.filter(({ id }) => !nearest.includes(id))
    await check('without the three nearest')
    const [changed] = facesOf(queries.slice(0, dimensions))
    await gallery.replace({ ...changed!, id: 'f2499' })
    known.find(({ id }) => id === 'f2499')!.embedding = changed!.embedding
    await check('one that is a query')
    await gallery.remove(known.slice(-40).map(({ id }) => id))
    known = known.slice(0, -40)
    await check('without the last')
    await gallery.remove(known.slice(100).map(({ id }) => id))
    known = known.slice(0, 100)
    await check('too few for an index')
    await add(facesOf(randomRows(2300, 5), 9000))
    await check('many again')
  }))

test.run()
