/** Whole runs: their files, and that stopping changes nothing. */
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer, type FaceNetError, openModel } from '../../lib/index.js'
import { readProgress } from '../../lib/report/training_progress.js'
import { checkAugmentOptions } from '../../lib/training/augment.js'
import { type FaceOptions, openFaces } from '../../lib/training/faces.js'
import { BatchMaker } from '../../lib/training/faces_batches.js'
import { files, type Loop, train } from '../../lib/training/loop.js'
import { firstState, type LoopSettings, readLoopState } from '../../lib/training/loop_state.js'
import { OfflineSampler } from '../../lib/training/offline.js'
import { type BaselineLine, type ProgressLine, ProgressLog } from '../../lib/training/progress_log.js'
import { Sampler } from '../../lib/training/sampler.js'
import { Validation } from '../../lib/training/validate.js'
import { writePairs, writePeople, writeSmallNetwork } from './coloured_faces.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-loop-'))
test.after(() => rm(folder, { recursive: true }))
const people = await writePeople(join(folder, 'people'), [6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 1])
const pairs = await writePairs(join(folder, 'pairs.txt'))
const network = await writeSmallNetwork(join(folder, 'small.safetensors'))
const constant = await writeSmallNetwork(join(folder, 'constant.safetensors'), 100)
const options: FaceOptions = { input: { width: 8, height: 8 }, border: 0.25, memoryBytes: 2 ** 20 }

const settings: Omit<LoopSettings, 'data'> = {
  seed: 5,
  identitiesPerBatch: 4,
  facesPerIdentity: 4,
  negatives: 3,
  selection: 'online',
  selectEvery: 0,
  selectFrom: 0,
  augmentation: checkAugmentOptions({ jpeg: 0.5 }),
  border: 0.25,
  template: null,
  templateBorder: 0,
  learningRate: 0.05,
  schedule: 'cosine',
  steps: 60,
  checkpointEvery: 10,
  validateEvery: 20,
  patience: 0,
  onCollapse: 'warn',
}

interface Run {
  change?: Partial<LoopSettings>
  strategy?: 'hard' | 'all' | 'semi-hard'
  learningRate?: number
  ema?: number
  resume?: boolean
  /** From a network that maps everybody to nearly one point. */
  collapsed?: boolean
  /** Before which batch the run is stopped. */
  stopAt?: number
}

async function run(
  name: string,
  { change, strategy = 'hard', learningRate = 0.05, ema, resume, stopAt, collapsed }: Run = {},
) {
  const out = join(folder, name)
  await mkdir(out, { recursive: true })
  const checkpoint = join(out, files.checkpoint)
  const faces = await openFaces([people], options)
  const from = collapsed ? constant : network
  const trainer = resume
    ? await createTrainer.resume(checkpoint, { threads: 1 })
    : await createTrainer(from, { strategy, learningRate, ema, chunk: 7, threads: 1, seed: 5 })
  const saved = resume ? readLoopState(checkpoint, trainer.state) : undefined
  const given = saved?.settings ?? { ...settings, ...change, learningRate, data: faces.digest }
  const { identitiesPerBatch, facesPerIdentity, negatives, seed, augmentation } = given
  const state = saved?.state ?? firstState()
  const offline = given.selection === 'offline' ? OfflineSampler.open(faces, given, state.selected) : undefined
  const source = offline ?? new Sampler(faces.labels, { identitiesPerBatch, facesPerIdentity, negatives, seed })
  const stop = new AbortController()
  const warnings: string[] = []
  const lines: ProgressLine[] = []
  const baselines: BaselineLine[] = []
  const loop: Loop = {
    trainer,
    settings: given,
    state,
    batches: new BatchMaker(faces, source, { input: options.input, augmentation, seed }),
    offline,
    log: await ProgressLog.open(out),
    validation: await Validation.open(pairs, [people], options),
    folder: out,
    signal: stop.signal,
    onBaseline: (line) => baselines.push(line),
    onStep: (line) => {
      lines.push(line)
      if (line.step === stopAt) stop.abort()
    },
    onWarning: (text) => warnings.push(text),
  }
  const done = async () => {
    const tensors = await loop.trainer.read(loop.trainer.tensors.map((tensor) => tensor.name))
    await loop.log!.close()
    loop.trainer.dispose()
    return tensors
  }
  try {
    const ending = await train(loop)
    return { out, loop, ending, warnings, lines, baselines, tensors: await done() }
  } catch (error) {
    return { out, loop, error: error as FaceNetError, warnings, lines, baselines, tensors: await done() }
  }
}

/** All of a line that does not depend on the clock. */
const curve = async (out: string) =>
  (await readProgress(out)).map(({ step, loss, active, meanPositive, meanNegative, validation }) => {
    return { step, loss, active, meanPositive, meanNegative, validation }
  })

test('a run learns, and leaves its files', async () => {
  const { out, loop, ending, lines, baselines } = await run('whole')
  assert.is(ending, 'steps')
  const mean = (some: ProgressLine[]) => some.reduce((sum, { loss }) => sum + loss, 0) / some.length
  assert.ok(
    mean(lines.slice(-10)) < 0.6 * mean(lines.slice(0, 10)),
    `${mean(lines.slice(0, 10))} to ${mean(lines.slice(-10))}`,
  )
  assert.is(lines.length, 60)
  assert.equal(
    lines.filter(({ validation }) => validation).map(({ step }) => step),
    [20, 40, 60],
  )
  assert.is(baselines.length, 1)
  const [before] = await readProgress(out)
  assert.is(before!.step, 0)
  assert.is(before!.validation!.accuracy, baselines[0]!.validation.accuracy)
  assert.ok(loop.state.best!.accuracy > baselines[0]!.validation.accuracy)
  assert.ok(lines[24]!.effectiveRank! > 1 && lines[24]!.meanDistance! > 0)
  const names = await readdir(out)
  for (const name of [...Object.values(files), 'progress.jsonl']) assert.ok(names.includes(name), name)
  assert.ok(names.some((name) => name.startsWith('events.out.tfevents.')))
  assert.ok(loop.state.best!.accuracy >= 0.8, `${loop.state.best!.accuracy}`)
  for (const file of [files.model, files.best]) (await openModel(join(out, file))).dispose()
})

test('stopped at any step and resumed, the curve and the weights are bit for bit those of the undisturbed run', async () => {
  const whole = await run('undisturbed')
  for (const stopAt of [7, 20, 33]) {
    const name = `stopped ${stopAt}`
    const stopped = await run(name, { stopAt })
    assert.is(stopped.error?.code, 'ERR_FACENET_ABORTED')
    assert.is(stopped.loop.state.batches, stopAt)
    const resumed = await run(name, { resume: true })
    assert.is(resumed.ending, 'steps')
    assert.equal(await curve(resumed.out), await curve(whole.out))
    assert.equal(resumed.tensors, whole.tensors)
    assert.equal(resumed.loop.state.best, whole.loop.state.best)
  }
})

test('with an average and measured statistics the curve is the same, the models are judged, and stopping changes nothing', async () => {
  const plain = await run('undisturbed')
  const how: Run = { ema: 0.9, change: { recalibrate: 20 } }
  const whole = await run('averaged', how)
  const losses = ({ lines }: { lines: ProgressLine[] }) => lines.map(({ loss }) => loss)
  assert.equal(losses(whole), losses(plain))
  assert.ok(whole.loop.state.best!.accuracy >= 0.8, `${whole.loop.state.best!.accuracy}`)
  const stopped = await run('averaged stopped', { ...how, stopAt: 33 })
  assert.is(stopped.error?.code, 'ERR_FACENET_ABORTED')
  const resumed = await run('averaged stopped', { resume: true })
  assert.equal(await curve(resumed.out), await curve(whole.out))
  assert.equal(resumed.tensors, whole.tensors)
  const fingerprint = async (out: string, file: string) => {
    await using model = await openModel(join(out, file))
    return model.fingerprint
  }
  for (const file of [files.model, files.best]) {
    assert.is(await fingerprint(resumed.out, file), await fingerprint(whole.out, file), file)
  }
})

test('killed without warning, it goes on from the last checkpoint to the same end', async () => {
  const whole = await run('undisturbed')
  const stopped = await run('killed', { stopAt: 25 })
  // As if the process had died at step 25: the checkpoint of step 20 is all there is, and a line is cut short.
  await cp(join(stopped.out, `${files.checkpoint}.previous`), join(stopped.out, files.checkpoint))
  await writeFile(join(stopped.out, 'progress.jsonl'), '{"step": 26, "lo', { flag: 'a' })
  const resumed = await run('killed', { resume: true })
  assert.is(resumed.lines[0]!.step, 21)
  assert.equal(await curve(resumed.out), await curve(whole.out))
  assert.equal(resumed.tensors, whole.tensors)
})

test('with triplets selected offline, stopped at any step and resumed, all is as in the undisturbed run', async () => {
  const change: Run['change'] = { selection: 'offline', selectEvery: 8, selectFrom: 30 }
  const whole = await run('offline', { change })
  assert.is(whole.ending, 'steps')
  for (const { images, triplets } of whole.lines) assert.ok(triplets > 0 && images <= 19)
  assert.ok(whole.loop.state.best!.accuracy >= 0.8, `${whole.loop.state.best!.accuracy}`)
  // In the middle between two selections, at one, and one step after it.
  for (const stopAt of [13, 24, 33]) {
    const name = `offline stopped ${stopAt}`
    const stopped = await run(name, { change, stopAt })
    assert.is(stopped.error?.code, 'ERR_FACENET_ABORTED')
    const resumed = await run(name, { resume: true })
    assert.equal(await curve(resumed.out), await curve(whole.out))
    assert.equal(resumed.tensors, whole.tensors)
  }
})

test('batches without a triplet are counted, and warned of when there are many', async () => {
  const { loop, warnings, lines } = await run('skipped', {
    change: { identitiesPerBatch: 1, facesPerIdentity: 2, negatives: 1, steps: 45, validateEvery: 1000 },
    strategy: 'semi-hard',
    learningRate: 1e-9,
  })
  const skipped = lines.filter((line) => line.skipped).length
  assert.is(loop.state.skipped, skipped)
  assert.ok(skipped > 0 && skipped <= 45, `${skipped}`)
  let [row, loud] = [0, 0]
  for (const line of lines) {
    row = line.skipped ? row + 1 : 0
    if (row > 0 && row % 20 === 0) loud++
  }
  assert.is(warnings.filter((text) => text.includes('had no triplet')).length, loud)
})

test('a loss that is not finite ends the run, names the layer, and leaves the last checkpoint', async () => {
  const { out, error, lines } = await run('overflow', {
    learningRate: 1e30,
    change: { checkpointEvery: 1, schedule: 'constant' },
  })
  assert.is(error?.code, 'ERR_FACENET_NOT_FINITE')
  assert.match(error!.message, /Step \d+: The output of layer fc is not finite/)
  assert.ok(lines.length > 0)
  const trainer = await createTrainer.resume(join(out, files.checkpoint))
  assert.is(trainer.steps, lines.length)
  trainer.dispose()
})

test('a collapse is told of, and answered as asked', async () => {
  const change = { steps: 100, schedule: 'constant', validateEvery: 1000 }
  const of = (onCollapse: LoopSettings['onCollapse'], strategy: 'hard' | 'semi-hard' | 'all' = 'hard') =>
    run(`collapse ${onCollapse} ${strategy}`, {
      change: { ...change, onCollapse },
      strategy,
      learningRate: 1e-9,
      collapsed: true,
    })
  const warned = await of('warn')
  assert.is(warned.warnings.length, 1)
  assert.match(warned.warnings[0]!, /^step 100: the embedding has collapsed, all faces lie at nearly one point/)
  assert.is(warned.loop.state.rateFactor, 1)

  const lowered = await of('lower-rate')
  assert.match(lowered.warnings[0]!, /The learning rate is halved$/)
  assert.is(lowered.loop.state.rateFactor, 0.5)

  const milder = await of('switch-strategy')
  assert.match(milder.warnings[0]!, /The strategy is now semi-hard$/)
  assert.is(milder.loop.trainer.settings.strategy, 'semi-hard')
  const resumed = await createTrainer.resume(join(milder.out, files.checkpoint))
  assert.is(resumed.settings.strategy, 'semi-hard')
  assert.is(resumed.steps, 100)
  resumed.dispose()
  const offline: Run['change'] = { selection: 'offline', selectEvery: 50, selectFrom: 30 }
  const mildestOffline = await run('collapse offline', {
    change: { ...change, ...offline, onCollapse: 'switch-strategy' },
    strategy: 'semi-hard',
    learningRate: 1e-9,
    collapsed: true,
  })
  assert.match(mildestOffline.warnings[0]!, /halved: there is no milder strategy than semi-hard$/)
  const mildest = await of('switch-strategy', 'all')
  assert.match(mildest.warnings[0]!, /halved: there is no milder strategy than all$/)
})

test('patience ends a run that gets no better', async () => {
  const { ending, loop } = await run('patience', {
    change: { patience: 2, validateEvery: 5, schedule: 'constant' },
    learningRate: 1e-9,
  })
  assert.is(ending, 'patience')
  assert.is(loop.state.batches, 15)
  assert.is(loop.state.best!.step, 5)
})

test.run()
