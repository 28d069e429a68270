// What the check does, in the order of importance: the first three minutes say whether kernels compute the right values
// and how fast the main network is. A stage is a function of `note(name, value)`, which writes what is known so far.
import { mkdirSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { packed, root } from './files.mjs'
import { eachOf } from './run.mjs'

const python = process.env.PYTHON ?? 'python3'
const models = packed('models')
const cases = packed('cases.txt')
const modelFile = (network) => join(models, `${network}.safetensors`)

/**
 * The stages by name. `emulated`: a folder with the emulated addon and programs (build/emulator), in the place of a GPU;
 * what needs the GPU itself is left out then.
 */
export function stagesOf(runner, emulated) {
  const program = (name) => join(emulated ?? join(root, 'build/device'), name)
  const kernels = program(emulated ? 'facenet_emulator' : 'facenet_device_tests')
  const trainingKernels = program('training_kernels')
  const addon = emulated ? join(emulated, 'facenet_emulator.node') : join(root, 'build/cmake/Release/facenet.node')
  const node = (script, ...args) =>
    runner.figures(process.execPath, [packed(script), ...args.map(String)], { env: { FACENET_ADDON: addon } })
  const peer = (script, ...args) => runner.figures(python, [join('bench/peers', script), ...args.map(String)])

  async function machine(note) {
    const query = ['--query-gpu=name,driver_version,memory.total,clocks.sm,clocks.mem', '--format=csv,noheader']
    note('gpu', (await runner.run('nvidia-smi', query)).output.trim())
    note('nvcc', (await runner.run('nvcc', ['--version'])).output.trim().split('\n').at(-1))
    note('node', process.version)
  }

  /** The addon, and the tests and times of kernels; for the device at hand only, which takes half of the time. */
  async function build(note) {
    const headers = [packed('node_modules/node-api-headers/include'), packed('node_modules/node-addon-api')].join(';')
    const common = ['-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_CUDA_ARCHITECTURES=90a-real']
    const folder = `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${join(root, 'build/cmake/Release')}`
    const parts = [
      ['tests', 'build/device', ['-S', 'test/kernels/device', ...common]],
      ['addon', 'build/cmake', ['-S', '.', ...common, `-DCMAKE_JS_INC=${headers}`, folder]],
    ]
    await eachOf(parts, 2, async ([name, into, configure]) => {
      const steps = [
        [...configure, '-B', into],
        ['--build', into, '--parallel', `${availableParallelism()}`],
      ]
      let seconds = 0
      for (const step of steps) {
        const done = await runner.run('cmake', step, { seconds: 300 })
        seconds += done.seconds
        if (!done.ok) return note(name, { problem: done.problem, output: done.output.slice(-4000), seconds })
      }
      note(name, { ok: true, seconds })
    })
  }

  /** A line a test: "ok <name>", "skip <name>: <why>" or "not ok <name>: <why>". Nothing checked is a problem. */
  const kernelTests = (file, ...args) =>
    async function tests(note) {
      const { ok, output, problem } = await runner.run(file, args, { seconds: 200 })
      const lines = output.split('\n')
      const count = (word) => lines.filter((line) => line.startsWith(`${word} `)).length
      note('passed', count('ok'))
      note('skipped', count('skip'))
      note(
        'failed',
        lines.filter((line) => line.startsWith('not ok')),
      )
      note('ok', ok && count('ok') > 0)
      if (problem) note('problem', problem)
    }

  /** Tests of ops, networks and training by the addon's own CUDA backend. */
  async function addonTests(note) {
    const files = readdirSync(packed('.')).filter((name) => name.endsWith('.test.mjs'))
    const env = {
      FACENET_ADDON: emulated ? process.env.FACENET_ADDON : addon,
      FACENET_TEST_CUDA: emulated ? addon : 'device',
      NO_COLOR: '1',
    }
    await eachOf(files, Math.min(8, availableParallelism()), async (name) => {
      const { ok, output, problem } = await runner.run(process.execPath, [packed(name)], { seconds: 200, env })
      const figure = (what) => Number(output.match(new RegExp(`^\\s*${what}:\\s+(\\d+)`, 'm'))?.[1] ?? 0)
      const [total, passed] = [figure('Total'), figure('Passed')]
      note(name, { ok: ok && passed > 0, problem, total, passed, output: ok ? undefined : output.slice(-4000) })
    })
  }

  /** Embeddings of a whole network on the GPU beside the CPU's, which compute the same file. */
  const agreement = (network, batch) => async (note) => {
    for (const dtype of ['f32', 'bf16']) note(dtype, await node('agreement.mjs', network, batch, dtype, models))
  }

  /** Ours, then PyTorch in the given modes, with the ratio to the fastest so far. */
  const compare = (network, batch, modes) => async (note) => {
    const own = await node('case.mjs', network, batch, 'bf16', models)
    note('own', own)
    let fastest = 0
    for (const mode of modes) {
      const theirs = await peer('torch_inference.py', modelFile(network), '--batch', batch, '--mode', mode)
      note(mode, theirs)
      fastest = Math.max(fastest, theirs.imagesPerSecond ?? 0)
      if (fastest > 0) note('ratio', own.imagesPerSecond / fastest)
    }
  }

  /** Whole steps from the same weights; PyTorch runs eagerly, with automatic casts to bf16. */
  const compareTraining = (network, batch) => async (note) => {
    const own = await node('training.mjs', network, batch, 'bf16', models)
    note('own', own)
    const steps = ['--random', '--steps', 4, '--repeat', 4, '--device', 'cuda', '--dtype', 'bf16']
    const theirs = await peer('torch_training.py', modelFile(network), '--batch', batch, ...steps)
    note('theirs', theirs)
    note('ratio', own.imagesPerSecond / theirs.imagesPerSecond)
  }

  /** Selection, loss and gradient of embeddings on the device, beside PyTorch on the same ones. */
  const compareMining = (n) => async (note) => {
    const folder = packed('mining')
    mkdirSync(folder, { recursive: true })
    const own = await runner.figures(program('facenet_bench'), ['mining', `${n}`, '128', '40', folder])
    note('own', own)
    const files = ['--x', join(folder, 'x.f32'), '--labels', join(folder, 'labels.i32')]
    const theirs = await peer('torch_mining.py', '--device', 'cuda', '--n', n, ...files)
    note('theirs', theirs)
    note('ratio', theirs.seconds / own.seconds)
  }

  async function ceilings(note) {
    for (const [name, value] of Object.entries(await peer('torch_ceilings.py'))) note(name, value)
  }

  /** Updates of as many weights as NN1 has. */
  async function optimizer(note) {
    note('own', await runner.figures(program('facenet_bench'), ['optimizer', '140000000']))
  }

  /** Runs the tests whose names have `which` in them; where there are none, nothing was checked. */
  const sanitizer = (tool, file, ...args) =>
    async function sanitize(note) {
      const all = ['--tool', tool, '--error-exitcode', '9', file, ...args]
      const { ok, output, problem } = await runner.run('compute-sanitizer', all, { seconds: 90 })
      const ran = Number(output.match(/^ran (\d+)$/m)?.[1] ?? 0)
      note('ran', ran)
      note('ok', ok && ran > 0)
      note('summary', output.match(/=+ .*SUMMARY.*/)?.[0])
      if (problem) note('problem', problem)
      if (!ok) note('output', output.slice(-4000))
    }

  const quick = ['graph', 'reduce-overhead']
  const all = {
    machine,
    build,
    ptx: kernelTests(kernels, 'ptx: '),
    kernels: kernelTests(kernels),
    agreement: agreement('nn2', 8),
    ceilings,
    'nn2 256': compare('nn2', 256, quick),
    'mining 1800': compareMining(1800),
    'mining 8192': compareMining(8192),
    'training kernels': kernelTests(trainingKernels, cases),
    'addon tests': addonTests,
    memcheck: sanitizer('memcheck', kernels, 'in every order'),
    racecheck: sanitizer('racecheck', kernels, 'in every order'),
    'train nn2 256': compareTraining('nn2', 256),
    'training memcheck': sanitizer('memcheck', trainingKernels, cases, '(cuda bf16)'),
    'training racecheck': sanitizer('racecheck', trainingKernels, cases, '(cuda bf16)'),
    'nn4.small2 1024': compare('nn4.small2', 1024, quick),
    'nn2 1': compare('nn2', 1, quick),
    'nn2 1024': compare('nn2', 1024, quick),
    optimizer,
    'train nn4 512': compareTraining('nn4', 512),
    'inception-resnet-v1 256': compare('inception-resnet-v1', 256, quick),
    'nn1 256': compare('nn1', 256, quick),
    synccheck: sanitizer('synccheck', kernels, 'in every order'),
    initcheck: sanitizer('initcheck', kernels, 'in every order'),
    'nn3 512': compare('nn3', 512, quick),
    'nn4 1024': compare('nn4', 1024, quick),
    'nn2 256 compiled': compare('nn2', 256, ['default', 'max-autotune']),
    'nn4.small2 1024 compiled': compare('nn4.small2', 1024, ['max-autotune']),
  }
  if (!emulated) return all
  const { ptx, kernels: kernelStage, 'training kernels': training, 'addon tests': addons } = all
  return { ptx, kernels: kernelStage, 'training kernels': training, 'addon tests': addons }
}
