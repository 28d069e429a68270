/** `facenet train` that is killed, runs out of disk, or is told twice to stop. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer } from '../../lib/index.js'
import { readProgress } from '../../lib/report/training_progress.js'
import { commandLine, facenet, start } from '../cli/support.js'
import { writePairs, writePeople, writeSmallNetwork } from './coloured_faces.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-interrupted-'))
test.after(() => rm(folder, { recursive: true }))
const people = await writePeople(join(folder, 'people'), [5, 5, 5, 5, 5, 5, 5, 5, 5, 5])
const pairs = await writePairs(join(folder, 'pairs.txt'))
const network = await writeSmallNetwork(join(folder, 'small.safetensors'))

const training = (out: string, ...more: string[]) => [
  ...['train', people, '--from', network, '--out', join(folder, out), '--strategy', 'hard', '--threads', '1'],
  ...['--identities-per-batch', '4', '--faces-per-identity', '4', '--chunk', '7', ...more],
]
/** All of a step that does not depend on the clock. */
const curve = async (out: string) =>
  (await readProgress(join(folder, out))).map(({ imagesPerSecond: _, ...line }) => line)
const weights = async (out: string) => {
  await using trainer = await createTrainer.resume(join(folder, out, 'checkpoint.safetensors'))
  return trainer.read()
}

test('killed at random steps and resumed each time, the curve and the weights are those of the undisturbed run', async () => {
  const often = ['--steps', '200', '--checkpoint-every', '7']
  const offline = ['--selection', 'offline', '--select-every', '10', '--select-from', '20']
  for (const [name, more] of [
    ['online', []],
    ['offline', offline],
  ] as const) {
    const whole = await facenet(...training(`${name} whole`, ...often, ...more, '--quiet'))
    assert.is(whole.code, 0, whole.stderr)
    const out = `${name} killed`
    const goOn = ['train', people, '--resume', '--out', join(folder, out), '--threads', '2', '--json', '--quiet']
    const last: string[] = []
    for (let round = 0; round < 2; round++) {
      const { process, outcome } = start(round === 0 ? training(out, ...often, ...more, '--json') : goOn)
      // At least one checkpoint further on, so that every round has something to go on from.
      const killAt = 8 + Math.floor(Math.random() * 40)
      let lines = 0
      process.stdout!.on('data', (text: Buffer) => {
        lines += text.toString().split('\n').length - 1
        if (lines >= killAt) process.kill('SIGKILL')
      })
      await once(process, 'close')
      const { stdout, stderr } = await outcome
      assert.is(process.signalCode, 'SIGKILL', stderr)
      last.push(`${killAt} lines: ${stdout.trim().split('\n').at(-1)}`)
    }
    const resumed = await facenet(...goOn)
    assert.is(resumed.code, 0, resumed.stderr)
    assert.equal(await curve(out), await curve(`${name} whole`), `killed after ${last.join('; ')}`)
    assert.equal(await weights(out), await weights(`${name} whole`))
  }
})

/** Runs the command line with a small file system of its own at `disk`, which is then copied to `copy`. */
function onSmallDisk(disk: string, copy: string, kib: number, words: string[]) {
  const script = [
    'mount -t tmpfs -o size="$1"k tmpfs "$2" || exit 99',
    'disk="$2"; copy="$3"; shift 3',
    '"$@"; code=$?',
    'cp -r "$disk"/. "$copy"; exit $code',
  ].join('\n')
  const command = [process.execPath, ...commandLine, ...words]
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const unshare = ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', `${kib}`, disk, copy, ...command]
  return spawnSync('unshare', unshare, { cwd, encoding: 'utf8', env: { ...process.env, FACENET_DEBUG: '' } })
}

const disk = join(folder, 'disk')
const tried = join(folder, 'tried')
await Promise.all([disk, tried].map((path) => mkdir(path)))
const mounts = onSmallDisk(disk, tried, 64, ['--version']).status === 0
const name = 'a disk that fills ends the run and leaves the last checkpoint whole, to go on from where there is room'
const fills = mounts ? test : test.skip
fills(mounts ? name : `${name} (no file system of its own can be mounted here)`, async () => {
  const copy = join(folder, 'filled')
  await mkdir(copy)
  const words = training('disk', '--steps', '400', '--checkpoint-every', '5')
  // Room for a few files of the network and for some, but not all of 400 lines of progress.
  const { status, stderr } = onSmallDisk(disk, copy, 96, words)
  assert.is(status, 1, stderr)
  assert.match(stderr, /no space left on device.*ERR_FACENET_IO/i)
  assert.ok((await readdir(copy)).includes('checkpoint.safetensors'))
  const last = await createTrainer.resume(join(copy, 'checkpoint.safetensors'))
  assert.ok(last.steps >= 5 && last.steps < 400, `${last.steps}`)
  last.dispose()

  const whole = await facenet(...training('roomy', '--steps', '400', '--checkpoint-every', '5', '--quiet'))
  assert.is(whole.code, 0, whole.stderr)
  const resumed = await facenet('train', people, '--resume', '--out', copy, '--quiet')
  assert.is(resumed.code, 0, resumed.stderr)
  assert.equal(await curve('filled'), await curve('roomy'))
})

test('a second SIGINT leaves at once, without a checkpoint', async () => {
  // A validation is not cut short, and that of so large a network takes a while.
  const words = ['train', people, '--network', 'nn2', '--out', join(folder, 'twice'), '--steps', '10', '--threads', '1']
  const { process, outcome } = start([...words, '--validation', pairs, '--validation-images', people])
  await once(process.stderr!, 'data')
  process.kill('SIGINT')
  await new Promise((resolve) => setTimeout(resolve, 100))
  process.kill('SIGINT')
  const { code, stderr } = await outcome
  assert.is(code, 130, stderr)
  assert.not.match(stderr, /stopped;|before training/)
  assert.not((await readdir(join(folder, 'twice'))).some((file) => file.startsWith('checkpoint')))
})

test.run()
