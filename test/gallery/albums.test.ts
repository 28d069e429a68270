/** Albums that grow: who is put to whom, what stays, and what people say of it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Gallery, GalleryEdit } from '../../lib/index.js'
import { rejection } from '../api/support.js'
import { model, withGallery } from './support.js'

const { dimensions } = model

/** A face of one of few people, each near an axis of its own; `turn` tells faces of one person apart. */
function face(id: string, axis: number, turn: number, image = `${id}.jpg`) {
  const embedding = new Float32Array(dimensions)
  embedding[axis] = Math.cos(turn)
  embedding[7] = Math.sin(turn)
  return { id, embedding, image }
}

const peopleOf = async (gallery: Gallery) => {
  const of: Record<string, string | null> = {}
  for await (const { id, person } of gallery.faces()) of[id] = person
  return of
}

test('new photographs come to the people who are there, passers-by wait, nobody is moved', () =>
  withGallery(async (gallery) => {
    await gallery.addMany([
      face('a1', 0, 0),
      face('a2', 0, 0.1),
      face('a3', 0, 0.2),
      face('b1', 1, 0),
      face('c1', 2, 0),
    ])
    const first = await gallery.cluster({ threshold: 0.3 })
    assert.equal(first, { joined: 0, people: ['person-1'], founded: 3, unassigned: 2, alike: [] })
    await gallery.apply([{ edit: 'name', person: 'person-1', name: 'Anna' }])

    await gallery.addMany([face('a4', 0, 0.15), face('b2', 1, 0.1), face('b3', 1, 0.2)])
    const second = await gallery.cluster({ threshold: 0.3 })
    assert.equal(second, { joined: 1, people: ['person-2'], founded: 3, unassigned: 1, alike: [] })
    const b = 'person-2'
    assert.equal(await peopleOf(gallery), {
      a1: 'Anna',
      a2: 'Anna',
      a3: 'Anna',
      b1: b,
      c1: null,
      a4: 'Anna',
      b2: b,
      b3: b,
    })
    assert.equal(await gallery.cluster({ threshold: 0.3 }), {
      joined: 0,
      people: [],
      founded: 0,
      unassigned: 1,
      alike: [],
    })
    assert.equal(
      (await gallery.people()).map(({ person, number, faces }) => [person, number, faces]),
      [
        ['Anna', 1, 4],
        [b, 2, 3],
      ],
    )
  }))

test('two faces of one photograph are two people, the nearer one stays', () =>
  withGallery(async (gallery) => {
    await gallery.addMany([0, 0.05, 0.1].map((turn, i) => face(`a${i}`, 0, turn)))
    await gallery.cluster({ threshold: 0.3 })
    await gallery.addMany([face('far', 0, 0.3, 'both.jpg'), face('near', 0, 0.06, 'both.jpg')])
    const { joined, unassigned } = await gallery.cluster({ threshold: 0.3 })
    assert.equal([joined, unassigned], [1, 1])
    const of = await peopleOf(gallery)
    assert.equal([of.near, of.far], ['person-1', null])
    // Of a new person too.
    await gallery.addMany([face('x', 3, 0, 'x.jpg'), face('y', 3, 0, 'x.jpg'), face('z', 3, 0)])
    await gallery.cluster({ threshold: 0.3, minFaces: 2 })
    const { x, y, z } = await peopleOf(gallery)
    assert.equal([x === y, z], [false, 'person-2'])
  }))

test('edits: names, merges, splits, rejections, locks and hidden people, all or none', () =>
  withGallery(async (gallery) => {
    const ids = ['a0', 'a1', 'a2', 'b0', 'b1', 'b2']
    await gallery.addMany(ids.map((id, i) => face(id, i < 3 ? 0 : 1, (i % 3) / 10)))
    await gallery.cluster({ threshold: 0.3 })
    const apply = (...edits: GalleryEdit[]) => gallery.apply(edits)
    await apply({ edit: 'name', person: 'person-1', name: 'Anna' }, { edit: 'name', person: 'person-2', name: 'Ben' })

    const wrong: [GalleryEdit, RegExp][] = [
      [{ edit: 'name', person: 'Anna', name: 'Ben' }, /edits\[1\]\.name but received "Ben"/],
      [{ edit: 'lock', person: 'Zoe' }, /edits\[1\]\.person.*"Zoe"/],
      [{ edit: 'reject', faces: ['none'], person: 'Anna' }, /"none"/],
      [{ edit: 'paint', person: 'Anna' } as never, /edits\.1\.edit/],
    ]
    for (const [edit, message] of wrong) {
      const { code, message: said } = await rejection(apply({ edit: 'hide', person: 'Anna' }, edit))
      assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
      assert.match(said, message)
    }
    assert.is((await gallery.people()).length, 2, 'nothing of a list of edits holds where one is wrong')

    await apply({ edit: 'reject', faces: ['a2'], person: 'Anna' })
    await gallery.cluster({ threshold: 0.3 })
    assert.is((await peopleOf(gallery)).a2, null, 'what was rejected is not put back')
    await apply({ edit: 'assign', faces: ['a2'], person: 'Anna' }, { edit: 'lock', person: 'Anna' })
    await gallery.add(face('a3', 0, 0.1))
    assert.is((await gallery.cluster({ threshold: 0.3 })).joined, 0)
    await apply({ edit: 'unlock', person: 'Anna' }, { edit: 'hide', person: 'Ben' })
    assert.is((await gallery.cluster({ threshold: 0.3 })).joined, 1)
    assert.equal(
      (await gallery.people()).map(({ person }) => person),
      ['Anna'],
    )
    const [, ben] = await gallery.people({ hidden: true })
    assert.equal([ben!.person, ben!.hidden], ['Ben', true])

    await apply({ edit: 'split', faces: ['a0'], name: 'Eva' }, { edit: 'merge', people: ['Ben'], into: 'Eva' })
    const of = await peopleOf(gallery)
    assert.equal([of.a0, of.a1, of.b0, of.b2], ['Eva', 'Anna', 'Eva', 'Eva'])
    assert.equal(
      (await gallery.people()).map(({ person, faces }) => [person, faces]),
      [
        ['Eva', 4],
        ['Anna', 3],
      ],
    )
  }))

test('people who may be one are told, not merged; those who are in one photograph are two', () =>
  withGallery(async (gallery) => {
    const faces = [0, 0.7].flatMap((turn, i) => [0, 1].map((j) => ({ ...face(`${i}${j}`, 0, turn), person: `p${i}` })))
    await gallery.addMany(faces)
    const { alike } = await gallery.cluster({ threshold: 0.6 })
    assert.equal(
      alike.map(({ people }) => people),
      [['p0', 'p1']],
    )
    // cos and sin of two turns are |2 sin(0.35)| apart.
    assert.ok(Math.abs(alike[0]!.distance - (2 * Math.sin(0.35)) ** 2) < 1e-6)
    await gallery.addMany(['p0', 'p1'].map((person, i) => ({ ...face(`in${i}`, 0, 0.7 * i, 'both.jpg'), person })))
    assert.equal((await gallery.cluster({ threshold: 0.6 })).alike, [])
  }))

test('a person is identified by vote and by mean, or is nobody', () =>
  withGallery(async (gallery) => {
    const anna = [0.3, 0.35, 0.4].map((turn, i) => ({ ...face(`a${i}`, 0, turn), person: 'Anna' }))
    await gallery.addMany([...anna, { ...face('b0', 0, 0), person: 'Ben' }, face('nobody', 0, 0.02)])
    const { embedding: who } = face('who', 0, 0.1)
    // One face of Ben is nearest, three of Anna are near.
    const vote = await gallery.identify(who, { threshold: 0.3 })
    assert.equal([vote!.person, vote!.faces], ['Anna', 3])
    assert.is((await gallery.identify(who, { threshold: 0.3, by: 'mean' }))!.person, 'Ben')
    assert.is((await gallery.identify(who, { threshold: 0.02 }))!.person, 'Ben')
    for (const by of ['vote', 'mean'] as const) {
      assert.is(await gallery.identify(face('x', 4, 0).embedding, { by }), null)
    }
    const none = { fingerprint: model.fingerprint, dimensions }
    await withGallery(
      async (other) => {
        assert.match((await rejection(other.identify(who))).message, /the model of the gallery has none/)
        assert.match((await rejection(other.cluster())).message, /the model of the gallery has none/)
      },
      { model: none },
    )
  }))

test.run()
