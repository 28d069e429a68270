/** The file of a gallery: others that use it, processes that are killed, damage, other programs and other versions. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, open, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { migrations } from '../../lib/gallery/schema.js'
import { connect } from '../../lib/gallery/sqlite.js'
import { openGallery } from '../../lib/index.js'
import { rejection, withFolder } from '../api/support.js'
import { slow } from '../support/slow.js'
import { facesOf, model, randomRows, rowOf, withGallery } from './support.js'

/** The suite kills few writers; `FACENET_SLOW_TESTS=1` kills twenty. */
const kills = slow ? 20 : 3

/** A process that adds one face after the other and prints the id of each that is there. */
function startWriter(path: string, first: number) {
  const script = fileURLToPath(new URL('./writer.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { child, ids: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
}

test('a writer is killed at any moment, and every face that it had added is there', () =>
  withGallery(async (reader, path) => {
    const added: string[] = []
    for (let kill = 0; kill < kills; kill++) {
      const { child, ids } = startWriter(path, added.length + 1000 * kill)
      const ended = once(child, 'exit')
      const wanted = 3 + Math.floor(20 * Math.random())
      for (let line = await ids.next(); !line.done; line = await ids.next()) {
        added.push(line.value)
        if (added.length % 5 === 0) {
          // Found by its own embedding, by a process that had the gallery open all the time.
          const [found] = await reader.search((await reader.get(line.value))!.embedding, { k: 1 })
          assert.is(found!.distance, 0)
        }
        if (added.length % wanted === 0) {
          await setTimeout(Math.random() * 5)
          child.kill('SIGKILL')
        }
      }
      assert.equal((await ended)[1], 'SIGKILL')
    }
    await using again = await openGallery(path)
    for (const id of added) assert.ok(await again.get(id), `${id} was added and is not there`)
    const { faces, problems } = await again.verify()
    // The last of each may be there without being acknowledged.
    assert.ok(faces >= added.length && faces <= added.length + kills, `${faces} of ${added.length}`)
    assert.equal(problems, [])
  }))

test('of two writers one waits for the other, and hears who it was where that takes too long', () =>
  withGallery(async (gallery, path) => {
    const rows = randomRows(4)
    await using other = await openGallery(path)
    const all = [0, 1, 2, 3].map((i) => [gallery, other][i % 2]!.add({ id: `f${i}`, embedding: rowOf(rows, i) }))
    assert.equal(await Promise.all(all), ['f0', 'f1', 'f2', 'f3'])
    assert.is((await gallery.counts()).faces, 4)
    const busy = await connect(path)
    busy.exec('BEGIN IMMEDIATE')
    await using hasty = await openGallery(path, { busyTimeout: 40 })
    const { code, message } = await rejection(hasty.add({ embedding: rowOf(rows, 0) }))
    assert.is(code, 'ERR_FACENET_IO')
    assert.match(message, new RegExp(`another writer has it.*process ${process.pid}`))
    // Readers are not held up.
    assert.is((await hasty.search(rowOf(rows, 2), { k: 1 }))[0]!.id, 'f2')
    const waiting = gallery.add({ id: 'later', embedding: rowOf(rows, 0) })
    await setTimeout(60)
    busy.exec('ROLLBACK')
    busy.close()
    assert.is(await waiting, 'later')
  }))

test('a gallery that is opened to be read is not written, and not made', () =>
  withGallery(async (gallery, path) => {
    await gallery.addMany(facesOf(randomRows(2)))
    await using reader = await openGallery(path, { readOnly: true })
    assert.match((await rejection(reader.remove('f0'))).message, /readOnly/)
    const missing = await rejection(openGallery(`${path}x`, { model, readOnly: true }))
    assert.match(missing.message, /a gallery that exists/)
    assert.is(await stat(`${path}x`).catch(() => undefined), undefined)
    assert.match((await rejection(openGallery(`${path}x`))).message, /options\.model/)
    assert.is(await stat(`${path}x`).catch(() => undefined), undefined)
  }))

test('other files, another program, a newer version and damage are said', () =>
  withFolder({ 'text.db': 'a text that is long enough to be no header of SQLite. '.repeat(20) }, async (folder) => {
    const [path, text, foreign] = ['g.db', 'text.db', 'foreign.db'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    assert.match(
      (await rejection(openGallery(text, { model }))).message,
      /a gallery for .*text\.db but received another file/,
    )
    await mkdir(join(folder, 'folder'))
    assert.match((await rejection(openGallery(join(folder, 'folder'), { model }))).message, /which is no file/)
    assert.is((await rejection(openGallery(join(folder, 'none', 'g.db'), { model }))).code, 'ERR_FACENET_IO')
    const program = await connect(foreign)
    program.exec('CREATE TABLE notes (text TEXT)')
    program.close()
    assert.match(
      (await rejection(openGallery(foreign, { model }))).message,
      /a database of another program|an SQLite database/,
    )

    await writeFile(path, '') // As a process leaves it that was killed as it made the file.
    {
      await using gallery = await openGallery(path, { model })
      await gallery.addMany(facesOf(randomRows(5000)))
    }
    const future = join(folder, 'future.db')
    await copyFile(path, future)
    const newer = await connect(future)
    newer.exec('PRAGMA user_version = 1000')
    newer.close()
    const { code, message } = await rejection(openGallery(future))
    assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(message, /schema 1000: a newer version of facenet-native wrote it/)

    const half = join(folder, 'half.db')
    await copyFile(path, half)
    await truncate(half, Math.floor((await stat(path)).size / 2))
    assert.match(await damageOf(half), /damaged|malformed/)

    const scratched = join(folder, 'scratched.db')
    await copyFile(path, scratched)
    const file = await open(scratched, 'r+')
    const { size } = await stat(scratched)
    for (let at = 3 * 16384; at < size; at += 16384) await file.write(Buffer.alloc(64, 0x5a), 0, 64, at)
    await file.close()
    assert.match(await damageOf(scratched), /damaged|malformed|SQLite says/)
  }))

/** What opening, verifying or searching says. */
async function damageOf(path: string): Promise<string> {
  try {
    await using gallery = await openGallery(path)
    const { problems } = await gallery.verify()
    const { message } = await rejection(gallery.search(randomRows(1)))
    assert.ok(problems.length > 0)
    return message
  } catch (error) {
    return (error as Error).message
  }
}

test('a file of an older schema is brought up to date, all of it or nothing', () =>
  withFolder({}, async (folder) => {
    for (const version of migrations.keys()) {
      if (version === 0) continue
      const path = join(folder, `${version}.db`)
      const old = await connect(path)
      for (const step of migrations.slice(0, version)) old.exec(step)
      old.exec(`PRAGMA application_id = ${0x464e6761}; PRAGMA user_version = ${version}`)
      for (const [name, value] of [
        ['fingerprint', model.fingerprint],
        ['dimensions', '8'],
      ]) {
        old.sql('INSERT INTO facts VALUES (?, ?)').run(name!, value!)
      }
      old.sql("INSERT INTO faces (id) VALUES ('old')").run()
      old.sql('INSERT INTO fresh VALUES (?, ?)').run(1, new Uint8Array(randomRows(1).buffer))
      old.close()
      assert.match((await rejection(openGallery(path, { readOnly: true }))).message, /open it once to be written/)
      await using gallery = await openGallery(path)
      assert.is((await gallery.search(randomRows(1)))[0]!.id, 'old')
    }
  }))

test('nothing of a removed face stays in the files', () =>
  withGallery(async (gallery, path) => {
    await gallery.addMany(facesOf(randomRows(50)))
    const secret = {
      id: 'secret-name',
      embedding: new Float32Array(8).fill(0.123456789),
      image: 'secret.jpg',
      person: 'Zoe Secret',
    }
    await gallery.add(secret)
    const traces = async () => {
      const bytes = Buffer.concat(await Promise.all([readFile(path), readFile(`${path}-wal`)]))
      const wanted = ['secret-name', 'secret.jpg', 'Zoe Secret', Buffer.from(secret.embedding.buffer)]
      return wanted.map((trace) => bytes.includes(trace))
    }
    assert.equal(await traces(), [true, true, true, true])
    await gallery.remove('secret-name')
    assert.equal(await traces(), [false, false, false, false])
  }))

test.run()
