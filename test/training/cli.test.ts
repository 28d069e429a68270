/** `facenet train` as its users run it: files, figures, interruption, and what it refuses. */
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer } from '../../lib/index.js'
import { readProgress } from '../../lib/report/training_progress.js'
import type { BaselineLine, ProgressLine } from '../../lib/training/progress_log.js'
import { facenet, jsonLines, start } from '../cli/support.js'
import { writePairs, writePeople, writeSmallNetwork } from './coloured_faces.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-train-cli-'))
test.after(() => rm(folder, { recursive: true }))
const people = await writePeople(join(folder, 'people'), [5, 5, 5, 5, 5, 5, 5, 5, 5, 5])
const pairs = await writePairs(join(folder, 'pairs.txt'))
const network = await writeSmallNetwork(join(folder, 'small.safetensors'))

const common = ['--identities-per-batch', '4', '--faces-per-identity', '4', '--threads', '1', '--chunk', '7']
const training = (out: string, ...more: string[]) => [
  ...['train', people, '--from', network, '--out', join(folder, out), '--strategy', 'hard', ...common, ...more],
]
const curve = async (out: string) =>
  (await readProgress(join(folder, out))).map(({ step, loss, active, validation }) => ({
    step,
    loss,
    active,
    validation,
  }))

test('a run prints its figures, validates, and leaves a model', async () => {
  const validation = ['--validation', pairs, '--validation-images', people, '--validate-every', '5']
  const { code, stdout, stderr } = await facenet(...training('run', '--epochs', '5', '--json', ...validation))
  assert.is(code, 0, stderr)
  const [baseline, ...lines] = jsonLines<ProgressLine>(stdout)
  assert.equal(Object.keys(baseline!), ['step', 'validation'])
  assert.is((baseline as BaselineLine).step, 0)
  assert.match(stderr, /before training: accuracy \d+\.\d\d %/)
  // Ten people, four a batch: two batches an epoch.
  assert.is(lines.length, 10)
  assert.equal(Object.keys(lines[9]!.validation!), ['accuracy', 'threshold', 'val', 'far'])
  assert.match(stderr, /small, 8 floats, on cpu: 50 images of 10 people, 2 batches an epoch, chunks of 7/)
  assert.match(stderr, /step 10, loss .* active, distances .* images\/s, 0 s left, accuracy \d+\.\d\d %/)
  assert.match(stderr, /all steps are done: 10 steps in .* best accuracy/)
  for (const file of ['model', 'best', 'checkpoint']) await stat(join(folder, 'run', `${file}.safetensors`))
  const again = await facenet(...training('run', '--epochs', '5'))
  assert.is(again.code, 2)
  assert.match(again.stderr, /is there already: --resume goes on from it/)
})

for (const [signal, ending] of [
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal} writes a checkpoint too, and leaves with ${ending} and neither lock nor temporary file`, async () => {
    const { process, outcome } = start(training(signal, '--steps', '100000', '--json', '--quiet'))
    // Once: a second signal ends the process at once.
    process.stdout!.once('data', () => process.kill(signal))
    process.stdout!.resume()
    const { code, stdout, stderr } = await outcome
    assert.is(code, ending, stderr)
    const left = await readdir(join(folder, signal))
    assert.equal(left.filter((name) => !name.startsWith('events.')).sort(), [
      'checkpoint.safetensors',
      'progress.jsonl',
    ])
    await using trainer = await createTrainer.resume(join(folder, signal, 'checkpoint.safetensors'))
    assert.is(trainer.steps, jsonLines(stdout).length)
  })
}

test("a second trainer in a folder is told, and one that was killed is in nobody's way", async () => {
  const { process, outcome } = start(training('shared', '--steps', '100000', '--json', '--checkpoint-every', '1'))
  await once(process.stdout!, 'data')
  const before = await readdir(join(folder, 'shared'))
  for (const words of [
    training('shared', '--steps', '2'),
    ['train', people, '--resume', '--out', join(folder, 'shared')],
  ]) {
    const second = await facenet(...words)
    assert.ok(second.code > 0)
    assert.match(second.stderr, new RegExp(`train\\.lock: process ${process.pid} has it|is there already`))
  }
  assert.equal(
    (await readdir(join(folder, 'shared'))).filter((name) => name.startsWith('events.')),
    before.filter((name) => name.startsWith('events.')),
  )
  process.kill('SIGKILL')
  await outcome
  const third = await facenet('train', people, '--resume', '--out', join(folder, 'shared'), '--steps', '1', '--quiet')
  assert.is(third.code, 0, third.stderr)
  assert.not((await readdir(join(folder, 'shared'))).includes('train.lock'))
})

test('a reader that stops after a line does not end a training', async () => {
  const { process, outcome } = start(training('unread', '--steps', '60', '--json'))
  outcome.catch(() => {})
  process.stdout!.once('data', () => process.stdout!.destroy())
  const [code] = await once(process, 'exit')
  assert.is(code, 0)
  assert.is((await curve('unread')).length, 60)
})

test('SIGINT writes a checkpoint and leaves with 130; --resume goes on bit for bit', async () => {
  const whole = await facenet(...training('whole', '--steps', '300', '--quiet'))
  assert.is(whole.code, 0, whole.stderr)
  const { process, outcome } = start(training('cut', '--steps', '300', '--json'))
  let steps = 0
  process.stdout!.on('data', (text: Buffer) => {
    const before = steps
    steps += text.toString().split('\n').length - 1
    // Once: a second signal ends the process at once.
    if (before <= 20 && steps > 20) process.kill('SIGINT')
  })
  await once(process, 'close')
  const { code, stderr } = await outcome
  assert.is(code, 130, stderr)
  assert.match(stderr, /--resume --out .* goes on/)
  const before = (await curve('cut')).length
  assert.ok(before > 20 && before < 300, `${before}`)
  const resumed = await facenet('train', people, '--resume', '--out', join(folder, 'cut'), '--threads', '2', '--quiet')
  assert.is(resumed.code, 0, resumed.stderr)
  assert.equal(await curve('cut'), await curve('whole'))
})

test('--ema and --recalibrate give a model of the averaged weights, and --resume keeps them', async () => {
  const words = ['--ema', '0.9', '--recalibrate', '20', '--quiet']
  const { code, stderr } = await facenet(...training('averaged', '--steps', '4', ...words))
  assert.is(code, 0, stderr)
  const resumed = await facenet(
    'train',
    people,
    '--resume',
    '--out',
    join(folder, 'averaged'),
    '--steps',
    '6',
    '--quiet',
  )
  assert.is(resumed.code, 0, resumed.stderr)
  const whole = await facenet(...training('averaged whole', '--steps', '6', ...words))
  assert.is(whole.code, 0, whole.stderr)
  const model = (out: string) => readFile(join(folder, out, 'model.safetensors'))
  assert.equal(await model('averaged'), await model('averaged whole'))
})

test('--selection offline trains on triplets of a subset, and goes on as it began', async () => {
  const offline = ['--selection', 'offline', '--select-every', '6', '--select-from', '24', '--quiet']
  for (const [out, steps] of [
    ['offline', '20'],
    ['offline cut', '10'],
  ] as const) {
    const { code, stderr } = await facenet(...training(out, '--steps', steps, ...offline))
    assert.is(code, 0, stderr)
  }
  const words = ['--resume', '--out', join(folder, 'offline cut'), '--steps', '20', '--quiet']
  const resumed = await facenet('train', people, ...words)
  assert.is(resumed.code, 0, resumed.stderr)
  const lines = await curve('offline')
  assert.is(lines.length, 20)
  assert.equal(await curve('offline cut'), lines)
})

test('what cannot be trained is refused with a reason', async () => {
  const one = await writePeople(join(folder, 'one'), [4])
  const singles = await writePeople(join(folder, 'singles'), [1, 1, 1])
  const empty = join(folder, 'empty')
  await mkdir(empty)
  const cases: [string[], number, RegExp][] = [
    [
      ['train', one, '--from', network, '--out', join(folder, 'a'), '--steps', '1'],
      1,
      /at least two people.*1 identity/,
    ],
    [
      ['train', singles, '--from', network, '--out', join(folder, 'a'), '--steps', '1'],
      1,
      /at least one person with two faces/,
    ],
    [['train', empty, '--from', network, '--out', join(folder, 'a'), '--steps', '1'], 1, /a folder for each person/],
    [training('a'), 2, /--steps, --epochs or --minutes is missing/],
    [training('a', '--steps', '1', '--margin', '5'), 2, /--margin is a number above 0 and at most 4, not 5/],
    [training('a', '--steps', '1', '--learning-rate', '0'), 2, /--learning-rate is a number above 0, not 0/],
    [training('a', '--steps', '1', '--schedule', 'linear'), 2, /--schedule is constant, cosine, or step/],
    [training('a', '--minutes', '1', '--schedule', 'cosine'), 2, /cosine needs --steps or --epochs/],
    [training('a', '--steps', '1', '--network', 'nns2'), 2, /--network or --from is needed, one of them/],
    [training('a', '--steps', '1', '--ema', '1'), 2, /--ema is a number above 0 and below 1, not 1/],
    [
      ['train', people, '--network', 'nns2', '--out', join(folder, 'a'), '--steps', '1', '--recalibrate', '5'],
      2,
      /--recalibrate measures batch normalisation, which nns2 has not: see --batch-norm/,
    ],
    [training('a', '--steps', '1', '--patience', '2'), 2, /--validation is missing/],
    [training('a', '--steps', '1', '--validation', pairs), 2, /go together/],
    [training('a', '--steps', '1', '--select-every', '5'), 2, /go with --selection offline/],
    [training('a', '--steps', '1', '--selection', 'ofline'), 2, /--selection is one of online, offline/],
    [training('a', '--steps', '1', '--selection', 'offline', '--select-from', '7'), 1, /at least 8.* for select-from/],
    [training('a', '--steps', '1', '--selection', 'offline', '--strategy', 'all'), 2, /given more than once/],
    [
      ['train', people, '--from', network, '--out', join(folder, 'a'), '--selection', 'offline', '--strategy', 'all'],
      2,
      /--selection offline goes with --strategy hard or semi-hard/,
    ],
    [['train', people, '--resume', '--out', join(folder, 'none')], 1, /none/],
    [['train', people, '--resume', '--out', join(folder, 'run'), '--margin', '0.3'], 2, /--margin cannot be changed/],
    [['train', one, '--resume', '--out', join(folder, 'run')], 1, /at least two people/],
    [['train', singles, '--resume', '--out', network], 1, /ENOTDIR/],
  ]
  for (const [words, code, message] of cases) {
    const outcome = await facenet(...words)
    assert.is(outcome.code, code, `${words.join(' ')}: ${outcome.stderr}`)
    assert.match(outcome.stderr, message)
  }
})

test.run()
