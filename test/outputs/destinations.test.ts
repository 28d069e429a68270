/** Outputs to what is no plain file, what killed processes left, and locks. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeAtomically } from '../../lib/files/atomic_write.js'
import { Lock } from '../../lib/files/lock.js'
import { openOutput } from '../../lib/files/outputs/index.js'
import { owner } from '../../lib/files/owner.js'
import { PendingFile } from '../../lib/files/pending_file.js'
import { checkDestination } from '../../lib/report/destination.js'
import { assertFails } from '../importers/support.js'

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-destinations-'))
})
test.after.each(() => rm(folder, { recursive: true, force: true }))

const text = (content: string) => Buffer.from(content)
const write = (path: string, content: string) => writeAtomically(path, (write) => write(text(content)))
const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
const unix = process.platform === 'win32' ? test.skip : test

unix('a symbolic link stays, and the file it leads to is written, whether it is there or not', async () => {
  await mkdir(join(folder, 'real'))
  await writeFile(join(folder, 'real', 'a'), 'old')
  await chmod(join(folder, 'real', 'a'), 0o640)
  await symlink('real/a', join(folder, 'link'))
  await symlink('link', join(folder, 'twice'))
  await symlink('real/new', join(folder, 'dangling'))
  await checkDestination(join(folder, 'twice'))
  await write(join(folder, 'twice'), 'new')
  await write(join(folder, 'dangling'), 'made')
  for (const name of ['link', 'twice', 'dangling']) assert.ok((await lstat(join(folder, name))).isSymbolicLink())
  assert.is(await readFile(join(folder, 'real', 'a'), 'utf8'), 'new')
  assert.is((await stat(join(folder, 'real', 'a'))).mode & 0o777, 0o640)
  assert.is(await readFile(join(folder, 'real', 'new'), 'utf8'), 'made')
  assert.equal((await readdir(folder)).sort(), ['dangling', 'link', 'real', 'twice'])
  await symlink('b', join(folder, 'a'))
  await symlink('a', join(folder, 'b'))
  await assertFails(() => write(join(folder, 'a'), 'x'), 'ERR_FACENET_IO', /40 symbolic links/)
})

unix('a device takes what is written and stays; .npy, which has to be changed at its end, is refused', async () => {
  await symlink('/dev/null', join(folder, 'null.jsonl'))
  await symlink('/dev/null', join(folder, 'null.npy'))
  await write(join(folder, 'null.jsonl'), 'gone')
  await checkDestination(join(folder, 'null.jsonl'))
  const options = { dimensions: 2, fingerprint: 'f' }
  const output = await openOutput(join(folder, 'null.jsonl'), options)
  await output.write([{ path: 'a', embedding: new Float32Array(2) }])
  await output.close()
  await assertFails(
    () => openOutput(join(folder, 'null.npy'), options),
    'ERR_FACENET_IO',
    /null\.npy.*device or a pipe/,
  )
  assert.ok((await stat('/dev/null')).isCharacterDevice())
  assert.equal((await readdir(folder)).sort(), ['null.jsonl', 'null.npy'])
})

unix('a pipe takes what is written, more than it holds at once too; one that nobody reads is an error', async () => {
  const pipe = join(folder, 'pipe')
  if (spawnSync('mkfifo', [pipe]).status !== 0) return console.log('skipped: no pipe can be made here')
  await assertFails(() => write(pipe, 'x'), 'ERR_FACENET_IO', /pipe: ENXIO/)
  const reader = spawn('sh', ['-c', 'sleep 0.2; cat "$0" | wc -c', pipe], { stdio: ['ignore', 'pipe', 'inherit'] })
  const hold = spawn('sh', ['-c', 'exec 3<>"$0"; read line', pipe], { stdio: ['pipe', 'ignore', 'inherit'] })
  for (;;) {
    const failed = await write(pipe, 'x'.repeat(300_000)).then(
      () => undefined,
      (error) => error,
    )
    if (!failed) break
    assert.match(failed.message, /ENXIO/)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  hold.stdin!.end()
  const [count] = await once(reader.stdout!, 'data')
  assert.is(Number(String(count)), 300_000)
})

for (const name of ['/dev/stdout', '/dev/fd/1']) {
  unix(`${name} is what the process writes to, a file that it appends to included`, async () => {
    const script = `
      import { writeAtomically } from ${url('../../lib/files/atomic_write.js')}
      await writeAtomically(${JSON.stringify(name)}, (write) => write(Buffer.from('written')))`
    const node = `"$0" --import tsx --input-type=module --eval "$1"`
    const run = (how: string) =>
      execFileSync('sh', ['-c', how, process.execPath, script, join(folder, 'out')], { encoding: 'utf8' })
    assert.is(run(node), 'written')
    await writeFile(join(folder, 'out'), 'before, ')
    run(`${node} >> "$2"`)
    assert.is(await readFile(join(folder, 'out'), 'utf8'), 'before, written')
    assert.equal(await readdir(folder), ['out'])
  })
}

test('a name as long as the file system has room for can be written', async () => {
  const path = join(folder, `${'é'.repeat(120)}.bin`)
  await write(path, 'long')
  assert.is(await readFile(path, 'utf8'), 'long')
})

test('what a killed process left is removed by the next that writes there; what others are at work on stays', async () => {
  const script = `
    import { PendingFile } from ${url('../../lib/files/pending_file.js')}
    const file = await PendingFile.open(${JSON.stringify(join(folder, 'a.bin'))})
    await file.write(Buffer.from('half'))
    console.log('open')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout!, 'data')
  const mine = await PendingFile.open(join(folder, 'b.bin'))
  const [pid, elsewhere] = [owner.split('-')[1], owner.replace(/^[0-9a-f]{8}/, '00000000')]
  const others = ['.x.tmp', '.notes.1234.tmp', `.c.bin.${elsewhere}.0123abcd.tmp`]
  for (const name of others) await writeFile(join(folder, name), 'kept')
  // Of a process that had the number which this one has.
  const reused = `.d.bin.${owner.replace(/-\d+$/, '-1')}.0123abcd.tmp`
  if (process.platform === 'linux') await writeFile(join(folder, reused), 'left')
  assert.is((await readdir(folder)).filter((name) => name.startsWith('.a.bin.')).length, 1)
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed

  const again = `
    import { writeAtomically } from ${url('../../lib/files/atomic_write.js')}
    await writeAtomically(${JSON.stringify(join(folder, 'e.bin'))}, async () => {})`
  execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', again])
  const left = (await readdir(folder)).filter((name) => name.startsWith('.')).sort()
  const own = left.filter((name) => name.startsWith(`.b.bin.${owner.split('-')[0]}-${pid}-`))
  assert.is(own.length, 1)
  assert.equal(left, [...others, ...own].sort())
  await mine.commit()
})

test('a lock is had by one at a time, given back, and taken over from a process that has ended', async () => {
  const path = join(folder, 'lock')
  const lock = await Lock.take(path)
  await assertFails(() => Lock.take(path), 'ERR_FACENET_IO', /Cannot write .*lock: this process has it/)
  await lock.release()
  assert.equal(await readdir(folder), [])

  const ended = spawnSync(process.execPath, ['--eval', ''])
  const [machine, , start] = owner.split('-')
  await writeFile(path, `${machine}-${ended.pid}-${start} 1\n`)
  await (await Lock.take(path)).release()

  const other = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'])
  await writeFile(path, `${machine}-${other.pid}-0 1\n`)
  await assertFails(() => Lock.take(path), 'ERR_FACENET_IO', new RegExp(`process ${other.pid} has it`))
  other.kill()

  const elsewhere = '00000000-1-1 1\n'
  await writeFile(path, elsewhere)
  await assertFails(() => Lock.take(path), 'ERR_FACENET_IO', /another machine or container has it/)
  const earlier = Date.now() / 1000 - 61
  await utimes(path, earlier, earlier)
  const taken = await Promise.allSettled(Array.from({ length: 8 }, () => Lock.take(path)))
  assert.is(taken.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const each of taken) if (each.status === 'fulfilled') await each.value.release()
  assert.equal(await readdir(folder), [])

  let inside = 0
  const visits = Array.from({ length: 8 }, () =>
    Lock.during(path, async () => {
      assert.is(++inside, 1)
      await new Promise((resolve) => setTimeout(resolve, 2))
      inside--
    }),
  )
  await Promise.all(visits)
  assert.equal(await readdir(folder), [])
})

test.run()
