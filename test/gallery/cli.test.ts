/** `facenet gallery` and `facenet search` on a gallery. The commands run in this process, which is faster; one runs as its users run it. */
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PartialFailure } from '../../lib/cli/context.js'
import { UsageError } from '../../lib/cli/usage_error.js'
import { writeModel } from '../../lib/files/index.js'
import { openGallery } from '../../lib/index.js'
import { inMemory, withFolder } from '../api/support.js'
import { command, facenet, jsonLines, writeSmallModel } from '../cli/support.js'

async function picture(colour: string): Promise<Buffer> {
  return sharp({ create: { width: 116, height: 140, channels: 3, background: colour } })
    .png()
    .toBuffer()
}

/** Pictures without faces, which are taken whole, a model, and a gallery that is to be made. */
async function withPictures(use: (at: (name: string) => string) => Promise<void>) {
  const [red, blue, green] = [await picture('#c02010'), await picture('#1030c0'), await picture('#10c030')]
  const files = {
    'people/anna/1.png': red,
    'people/ben/1.png': blue,
    'more/2.png': green,
    'a.png': red,
    'bad.jpg': 'x',
  }
  await withFolder(files, async (folder) => {
    await writeSmallModel(join(folder, 'm.safetensors'))
    await use((name) => join(folder, name))
  })
}

const whole = ['--align', 'none', '-m']

test('photographs are added, passed over the second time, found, listed, removed', () =>
  withPictures(async (at) => {
    const [db, model] = [at('g.db'), at('m.safetensors')]
    const first = await facenet('gallery', 'add', db, at('people'), '--folders', ...whole, model, '--json')
    assert.equal(
      [first.code, jsonLines(first.stdout)],
      [0, [{ faces: 2, images: 2, skipped: 0, missing: 0 }]],
      first.stderr,
    )
    const second = await command('gallery', 'add', db, at('people'), at('more'), ...whole, model, '--json')
    assert.equal(jsonLines(second.out), [{ faces: 1, images: 1, skipped: 2, missing: 0 }])
    const again = await command('gallery', 'add', db, at('people'), '--again', ...whole, model, '--json')
    assert.equal(jsonLines(again.out), [{ faces: 2, images: 2, skipped: 0, missing: 0 }])

    const listed = await command('gallery', 'list', db)
    assert.is(listed.out, `${at('people/anna/1.png')}\tanna\n${at('people/ben/1.png')}\tben\n${at('more/2.png')}\n`)
    assert.is((await command('gallery', 'list', db, '--people')).out, '1\tanna\n1\tben\n')
    const ofBen = await command('gallery', 'list', db, '--person', 'ben', '--json')
    assert.equal(
      jsonLines<{ id: string }>(ofBen.out).map(({ id }) => id),
      [at('people/ben/1.png')],
    )

    const found = await command(
      'gallery',
      'search',
      db,
      at('a.png'),
      ...whole,
      model,
      '--threshold',
      '1e-9',
      '--k',
      '9',
    )
    assert.is(found.ended, undefined)
    const [verdict, nearest, ...others] = found.out.trimEnd().split('\n')
    assert.is(verdict, `${at('a.png')}: anna`)
    assert.is(nearest, `\t0.0000\t${at('people/anna/1.png')}\tanna`)
    assert.is(others.length, 2)
    const same = await command('search', db, at('a.png'), ...whole, model, '--threshold', '1e-9', '--k', '9')
    assert.is(same.out, found.out)

    const stats = jsonLines<Record<string, unknown>>((await command('gallery', 'stats', db, '--json')).out)[0]!
    assert.equal([stats.faces, stats.people, stats.images, stats.dimensions], [3, 2, 3, 128])
    assert.match((await command('gallery', 'stats', db)).out, /^faces +3\n/)
    assert.match((await command('gallery', 'verify', db)).out, /3 faces, and all is well/)

    await command('gallery', 'export', db, '--out', at('all.npy'))
    const copied = await command('gallery', 'add', at('copy.db'), at('all.npy'), ...whole, model, '--json', '--folders')
    assert.equal(jsonLines(copied.out), [{ faces: 3, images: 0, skipped: 0, missing: 0 }])
    assert.is((await command('gallery', 'list', at('copy.db'), '--people')).out, '1\tanna\n1\tben\n1\tmore\n')

    assert.equal(jsonLines((await command('gallery', 'remove', db, '--person', 'anna', '--json')).out), [
      { removed: 1 },
    ])
    const gone = await command('gallery', 'remove', db, 'nobody')
    assert.match((gone.ended as Error).message, /the id of a face of the gallery.*"nobody"/)
    await using gallery = await openGallery(db)
    assert.is((await gallery.counts()).faces, 2)
  }))

test('photographs come to the people of a gallery, who are named and edited', () =>
  withPictures(async (at) => {
    const [db, model] = [at('g.db'), at('m.safetensors')]
    const settings = [...whole, model, '--threshold', '1e-9', '--min-faces', '1', '--json']
    const first = await command('cluster', '--gallery', db, at('people'), ...settings)
    assert.is(first.ended, undefined)
    const result = { joined: 0, people: ['person-1', 'person-2'], founded: 2, unassigned: 0, alike: [] }
    assert.equal(jsonLines(first.out).at(-1), result)
    assert.is((await command('gallery', 'name', db, 'person-1', 'Anna')).ended, undefined)
    const second = await command('gallery', 'cluster', db, at('a.png'), ...settings)
    assert.equal(jsonLines(second.out).at(-1), { joined: 1, people: [], founded: 0, unassigned: 0, alike: [] })
    assert.is((await command('gallery', 'list', db, '--people')).out, '2\tAnna\n1\tperson-2\n')
    await writeFile(at('edits.json'), JSON.stringify([{ edit: 'hide', person: 'Anna' }]))
    assert.is((await command('gallery', 'apply', db, at('edits.json'))).ended, undefined)
    assert.is((await command('gallery', 'list', db, '--people')).out, '1\tperson-2\n')
    assert.ok((await command('cluster', '--gallery', db, at('people'), '--out', 'x')).ended instanceof UsageError)
    assert.match(String((await command('gallery', 'name', db, 'Zoe', 'Eva')).ended), /"Zoe"/)
  }))

test('a gallery is brought to another model, from where its photographs were moved to', () =>
  withPictures(async (at) => {
    const [db, model, other] = [at('g.db'), at('m.safetensors'), at('other.safetensors')]
    await writeModel(other, inMemory('nns2', 2))
    await command('gallery', 'add', db, at('people'), '--folders', ...whole, model)
    const same = await command('gallery', 'migrate', db, '-m', model)
    assert.match(String(same.ended), /another model than that of/)
    await rename(at('people'), at('moved'))
    const gone = await command('gallery', 'migrate', db, '-m', other)
    assert.match(String(gone.ended), /2 of 2 without/)
    const done = await command(
      'gallery',
      'migrate',
      db,
      '-m',
      other,
      '--root',
      at('moved'),
      '--keep',
      at('old.db'),
      '--json',
    )
    assert.is(done.ended, undefined)
    assert.equal(jsonLines(done.out), [{ faces: 2, embedded: 2, resumed: 0, mapped: 0, loss: null }])
    const found = await command('search', db, at('a.png'), ...whole, other, '--threshold', '1e-9')
    assert.match(found.out, /: anna\n/)
    assert.is((await command('gallery', 'list', at('old.db'), '--people')).out, '1\tanna\n1\tben\n')
    for (const words of [
      ['--common', 'a.npy'],
      ['--max-loss', '0.1'],
      ['--map', '--common', 'a.npy'],
      ['--map', '--folders'],
    ]) {
      assert.ok(
        (await command('gallery', 'migrate', db, '-m', model, ...words)).ended instanceof UsageError,
        words.join(' '),
      )
    }
  }))

test('bad images, wrong usage, missing and damaged galleries end with the exit codes of other commands', () =>
  withPictures(async (at) => {
    const [db, model] = [at('g.db'), at('m.safetensors')]
    const partly = await command('gallery', 'add', db, at('a.png'), at('bad.jpg'), ...whole, model)
    assert.ok(partly.ended instanceof PartialFailure)
    assert.match(partly.error, /1 faces added.*\n1 of 2 images could not be used:\n.*bad\.jpg/)
    for (const words of [
      ['gallery', 'grow', db],
      ['gallery', 'add', db],
      ['gallery', 'stats', db, 'more'],
      ['gallery', 'remove', db],
      ['gallery', 'remove', db, 'id', '--person', 'Anna'],
      ['gallery', 'stats', db, '--people'],
      ['gallery', 'export', db],
      ['gallery', 'add', db, at('a.png'), '--person', 'Anna', '--folders'],
      ['gallery', 'add', db, at('a.png'), 'faces.npy'],
    ]) {
      assert.ok((await command(...words)).ended instanceof UsageError, words.join(' '))
    }
    for (const action of ['stats', 'list', 'verify', 'remove']) {
      const { ended } = await command('gallery', action, at('none.db'), ...(action === 'remove' ? ['id'] : []))
      assert.match((ended as Error).message, /a gallery that exists|as there is none at/)
    }
    // Embedded in another way than what is there.
    const { ended } = await command('search', db, at('a.png'), '--align', 'center', '-m', model)
    assert.match((ended as Error).message, /align none.*align center/s)
    await writeFile(at('half.db'), Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(5000, 7)]))
    assert.match(String((await command('gallery', 'verify', at('half.db'))).ended), /half\.db/)
    await rm(db)
  }))

test.run()
