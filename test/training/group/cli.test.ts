/** `facenet train --distributed`: processes that are one run, one that is killed, and what goes on from there. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer } from '../../../lib/index.js'
import type { ProgressLine } from '../../../lib/training/index.js'
import { facenet, jsonLines, start } from '../../cli/support.js'
import { writePeople, writeSmallNetwork } from '../coloured_faces.js'
import { freePort } from './members.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-train-group-'))
test.after(() => rm(folder, { recursive: true }))
const people = await writePeople(join(folder, 'people'), [5, 5, 5, 5, 5, 5])
const network = await writeSmallNetwork(join(folder, 'small.safetensors'))

const training = (out: string) => [
  ...['train', people, '--from', network, '--out', join(folder, out), '--freeze', 'a/bn', '--strategy', 'all'],
  ...['--identities-per-batch', '4', '--faces-per-identity', '4', '--threads', '1', '--checkpoint-every', '5'],
]
const linesOf = async (out: string) =>
  jsonLines<ProgressLine>(await readFile(join(folder, out, 'progress.jsonl'), 'utf8'))
const going = (out: string) => ['train', people, '--out', join(folder, out), '--resume', '--threads', '1']

/** The processes of a run; the first one writes, the others are told another folder, where they leave nothing. */
async function startGroup(size: number, args: readonly string[] | ((rank: number) => readonly string[])) {
  const port = await freePort()
  return Array.from({ length: size }, (_, rank) => {
    const place = { RANK: `${rank}`, WORLD_SIZE: `${size}`, MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${port}` }
    return start([...(typeof args === 'function' ? args(rank) : args), '--distributed'], place)
  })
}

test('two processes are one run; another number of them goes on with it', async () => {
  assert.is((await facenet(...training('alone'), '--steps', '12')).code, 0)
  const two = await startGroup(2, [...training('two'), '--steps', '6'])
  for (const { code, stderr } of await Promise.all(two.map(({ outcome }) => outcome))) assert.is(code, 0, stderr)
  const three = await startGroup(3, [...going('two'), '--steps', '12'])
  for (const { code, stderr } of await Promise.all(three.map(({ outcome }) => outcome))) assert.is(code, 0, stderr)

  const [expected, found] = await Promise.all(['alone', 'two'].map(linesOf))
  assert.equal(
    found!.map(({ step, images }) => [step, images]),
    expected!.map(({ step, images }) => [step, images]),
  )
  for (const [i, { loss }] of found!.entries()) {
    assert.ok(Math.abs(loss - expected![i]!.loss) <= 1e-5 * 0.2, `step ${i + 1}: ${loss}, not ${expected![i]!.loss}`)
  }
  const files = (await readdir(join(folder, 'two'))).filter((name) => !name.startsWith('events.'))
  assert.equal(files.sort(), [
    'checkpoint.safetensors',
    'checkpoint.safetensors.previous',
    'model.safetensors',
    'progress.jsonl',
  ])
})

test('a process that is killed ends the others by a typed error, after a checkpoint', async () => {
  const [first, second] = await startGroup(2, [...training('killed'), '--steps', '100000', '--json'])
  let lines = 0
  first!.process.stdout!.on('data', (text: Buffer) => {
    lines += text.toString().split('\n').length - 1
    if (lines >= 8) second!.process.kill('SIGKILL')
  })
  const { code, stderr, stdout } = await first!.outcome
  await second!.outcome
  assert.is(code, 1)
  assert.match(stderr, /Rank 1 is lost: .*--resume.*ERR_FACENET_PEER_LOST/s)
  await using trainer = await createTrainer.resume(join(folder, 'killed', 'checkpoint.safetensors'))
  assert.is(trainer.steps, stdout.trim().split('\n').length)
  await cp(join(folder, 'killed'), join(folder, 'copy'), { recursive: true })
  assert.is((await facenet(...going('copy'), '--steps', `${trainer.steps + 2}`)).code, 0)
})

test('a process that cannot go on ends all of them, and one with an older checkpoint is refused', async () => {
  const broken = await writePeople(join(folder, 'broken', 'people'), [5, 5, 5, 5, 5, 5])
  for (const person of await readdir(broken)) {
    for (const name of await readdir(join(broken, person))) await writeFile(join(broken, person, name), 'no image')
  }
  const words = [...training('unreadable'), '--steps', '9']
  const unreadable = await startGroup(2, (rank) => words.map((word) => (rank > 0 && word === people ? broken : word)))
  const [first, second] = await Promise.all(unreadable.map(({ outcome }) => outcome))
  assert.match(second!.stderr, /Batch 0 has no image that can be read in part 1 of 2/)
  assert.match(first!.stderr, /Rank 1 is lost/)

  assert.is((await facenet(...training('new'), '--steps', '2')).code, 0)
  await cp(join(folder, 'new'), join(folder, 'old'), { recursive: true })
  assert.is((await facenet(...going('new'), '--steps', '4')).code, 0)
  const stale = await startGroup(2, (rank) => [...going(rank === 0 ? 'new' : 'old'), '--steps', '6'])
  const [newer, older] = await Promise.all(stale.map(({ outcome }) => outcome))
  assert.match(older!.stderr, /Rank 1 goes on from 2 steps, rank 0 from 4: copy the checkpoint of rank 0/)
  assert.is(newer!.code, 1)
})

test('processes that train on other settings are told so', async () => {
  const port = await freePort()
  const place = { WORLD_SIZE: '2', MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${port}` }
  const runs = [0, 1].map((rank) =>
    start([...training(`other${rank}`), '--steps', '2', '--margin', `0.${rank + 1}`, '--distributed'], {
      ...place,
      RANK: `${rank}`,
    }),
  )
  for (const { code, stderr } of await Promise.all(runs.map(({ outcome }) => outcome))) {
    assert.is(code, 1)
    assert.match(stderr, /rank 1 trains small of images and settings \w+, rank 0 small of images and settings \w+/)
  }
  const without = await start([...training('none'), '--steps', '2', '--distributed'], { WORLD_SIZE: '' }).outcome
  assert.match(without.stderr, /WORLD_SIZE/)
  assert.is(without.code, 1)
})

test.run()
