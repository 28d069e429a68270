/** Faces to train on: which are found, which are left out, and how many are kept decoded. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { PassedOver } from '../../lib/sources/index.js'
import { type FaceOptions, openFaces, readIdentities } from '../../lib/training/faces.js'
import { assertFails } from '../importers/support.js'
import { writePeople } from './coloured_faces.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-faces-'))
test.after(() => rm(folder, { recursive: true }))
const people = await writePeople(join(folder, 'people'), [6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 1])
const options: FaceOptions = { input: { width: 8, height: 8 }, border: 0.25, memoryBytes: 2 ** 20 }

test('faces: people of one name are one, lists and tables leave out, what vanishes is left out and listed', async () => {
  const more = join(folder, 'more')
  await cp(join(people, 'person_3'), join(more, 'person_3'), { recursive: true })
  await cp(join(people, 'person_4'), join(more, 'person_4'), { recursive: true })
  await writeFile(
    `${more}.tsv`,
    'name\tuse_for_training\nperson_3/person_3_0001.png\t0\nperson_3/person_3_0002.png\t1\n',
  )
  const list = join(folder, 'ids.txt')
  await writeFile(list, '# who\nmore/person_3\nperson_5\n\n')
  const identities = await readIdentities(list)
  const both = await openFaces([people, more], { ...options, identities })
  assert.equal([...both.names], ['person_5', 'person_3'])
  assert.is(both.labels.length, 6 + 5)
  const all = await openFaces([people, more], options)
  assert.is(all.names.length, 11)
  assert.is(all.labels.length, 61 + 5 + 6)

  await rm(join(more, 'person_4', 'person_4_0002.png'))
  await writeFile(join(more, 'person_4', 'person_4_0003.png'), 'no image')
  const read = await Promise.all(Array.from(all.labels.keys(), (i) => all.read(i)))
  assert.is(read.filter((face) => face === undefined).length, 2)
  await all.read(68)
  assert.equal(all.failures.map(({ error }) => error.code).sort(), ['ERR_FACENET_IMAGE_INVALID', 'ERR_FACENET_IO'])
  await assertFails(
    () => openFaces([people], { ...options, identities: new Set(['nobody']) }),
    'ERR_FACENET_INVALID_ARGUMENT',
  )
})

test('an image beside the folders of people is nobody, and what cannot be read is told', async () => {
  const root = join(folder, 'mixed')
  await cp(join(people, 'person_3'), join(root, 'person_3'), { recursive: true })
  await cp(join(people, 'person_4'), join(root, 'person_4'), { recursive: true })
  await cp(join(people, 'person_5', 'person_5_0001.png'), join(root, 'stray.png'))
  await writeFile(join(root, 'person_3', 'notes.txt'), 'a text')
  await writeFile(join(root, 'person_4.tar'), 'not looked into')
  const left: PassedOver[] = []
  const found = await openFaces(new Set([root]), { ...options, onPassedOver: (entry) => left.push(entry) })
  assert.equal([...found.names], ['person_3', 'person_4'])
  assert.is(found.labels.length, 12)
  assert.equal(left.map(({ kind }) => kind).sort(), ['.tar', '.txt', 'in no folder of a person'])
  // A folder of one person may be named itself.
  assert.equal([...(await openFaces([join(root, 'person_3')], options)).names], ['person_3'])

  await writeFile(join(folder, 'damaged.tar'), 'no archive')
  const both = await openFaces([root, join(folder, 'damaged.tar')], { ...options, exclude: ['person_4'] })
  assert.equal([...both.names], ['person_3'])
  assert.equal(
    both.failures.map(({ path }) => path),
    [join(folder, 'damaged.tar')],
  )
})

test('decoded faces are kept within their memory, and are the same beyond it', async () => {
  const [kept, not] = [await openFaces([people], options), await openFaces([people], { ...options, memoryBytes: 1000 })]
  assert.equal(kept.size, { width: 12, height: 12 })
  for (let i = 0; i < 5; i++) {
    const face = await kept.read(i)
    assert.is(await kept.read(i), face)
    assert.equal(await not.read(i), face)
  }
  assert.is(kept.memoryBytes, 5 * 432)
  assert.is(not.memoryBytes, 2 * 432)
})

test.run()
