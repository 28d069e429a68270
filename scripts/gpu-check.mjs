// The whole check on a machine with a GPU, nvcc, CMake, ninja and PyTorch: builds, runs every device test, measures the
// device's ceilings and the networks beside PyTorch, and runs the kernels under compute-sanitizer.
//
//     npm run gpu:check              where npm is
//     sh build/gpu/check.sh          what `npm run gpu:pack` made, on a machine without Node
//
// Results go to bench/results/gpu-<date>.json after every stage, so that what was measured stays where time runs out. A
// second run goes on with the stages that are missing: --again begins anew, --only a,b runs these, --seconds n stops
// beginning new ones after n seconds (default 540).
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { packed, root } from './gpu-files.mjs'

const { values: options } = parseArgs({
  options: {
    again: { type: 'boolean', default: false },
    only: { type: 'string' },
    seconds: { type: 'string', default: '540' },
    out: { type: 'string', default: join(root, 'bench/results') },
  },
})
const begin = performance.now()
const date = new Date().toISOString().slice(0, 10)
const file = join(options.out, `gpu-${date}.json`)
const python = process.env.PYTHON ?? 'python3'
const models = join(root, 'build/gpu/models')
mkdirSync(models, { recursive: true })
mkdirSync(options.out, { recursive: true })
const results = !options.again && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { date, stages: {} }

const secondsLeft = () => Number(options.seconds) - (performance.now() - begin) / 1000

/** Runs a command; resolves to its output, the exit status and the time. What it says goes to a log. */
function run(command, args, { seconds = 300, env = {} } = {}) {
  const start = performance.now()
  const timeout = Math.max(1, Math.min(seconds, secondsLeft())) * 1000
  const done = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout,
    killSignal: 'SIGKILL',
  })
  const problem = done.error?.code === 'ETIMEDOUT' ? `took longer than ${timeout / 1000} s` : done.error?.message
  const output = `${done.stdout ?? ''}${done.stderr ?? ''}`
  const log = `\n$ ${command} ${args.join(' ')}\n${output}${problem ?? ''}\n`
  writeFileSync(join(options.out, `gpu-${date}.log`), log, { flag: 'a' })
  return {
    ok: done.status === 0,
    stdout: done.stdout ?? '',
    output,
    problem: problem ?? (done.status === 0 ? undefined : `exit code ${done.status}`),
    seconds: (performance.now() - start) / 1000,
  }
}

/** The JSON object in a command's last line, or what went wrong. */
function figures(command, args, limits) {
  const { ok, stdout, output, problem } = run(command, args, limits)
  if (!ok) return { problem, output: output.slice(-2000) }
  return JSON.parse(stdout.trimEnd().split('\n').at(-1))
}

const peer = (script, ...args) => figures(python, [join('bench/peers', script), ...args])
const ours = (network, batch, dtype) =>
  figures(process.execPath, [packed('case.mjs'), network, `${batch}`, dtype, models])
const oursTraining = (network, batch, dtype) =>
  figures(process.execPath, [packed('training.mjs'), network, `${batch}`, dtype, models])
const modelFile = (network) => join(models, `${network}.safetensors`)

function machine() {
  const query = '--query-gpu=name,driver_version,memory.total,clocks.sm,clocks.mem'
  const gpu = run('nvidia-smi', [query, '--format=csv,noheader'])
  return {
    gpu: gpu.output.trim(),
    nvcc: run('nvcc', ['--version']).output.trim().split('\n').at(-1),
    node: process.version,
  }
}

function build() {
  const headers = [packed('node_modules/node-api-headers/include'), packed('node_modules/node-addon-api')].join(';')
  const jobs = ['--parallel', `${availableParallelism()}`]
  const steps = {
    addon: [
      ['-S', '.', '-B', 'build/cmake', '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release', `-DCMAKE_JS_INC=${headers}`].concat(
        `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${join(root, 'build/cmake/Release')}`,
      ),
      ['--build', 'build/cmake', ...jobs],
    ],
    tests: [
      ['-S', 'test/kernels/device', '-B', 'build/device', '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release'],
      ['--build', 'build/device', ...jobs],
    ],
  }
  const result = {}
  for (const [name, [configure, compile]] of Object.entries(steps)) {
    const done = [run('cmake', configure), run('cmake', compile)]
    result[name] = { ok: done.every(({ ok }) => ok), seconds: done[0].seconds + done[1].seconds }
  }
  return result
}

/** "ok name", "skip name: why" or "not ok name: why", a line a test. */
function kernelTests(program, ...args) {
  const { ok, output, problem } = run(`build/device/${program}`, args)
  const lines = output.split('\n')
  const failed = lines.filter((line) => line.startsWith('not ok'))
  const count = (word) => lines.filter((line) => line.startsWith(`${word} `)).length
  return { ok, problem, passed: count('ok'), skipped: count('skip'), failed }
}

/** The tests of ops, networks and training, with the addon's CUDA backend in the place of the emulated one. */
function addonTests() {
  const files = readdirSync(packed('.')).filter((name) => name.endsWith('.test.mjs'))
  const result = {}
  for (const name of files) {
    const { ok, output, problem } = run(process.execPath, [packed(name)], {
      env: { FACENET_TEST_CUDA: 'device', NO_COLOR: '1' },
    })
    const figure = (what) => Number(output.match(new RegExp(`^\\s*${what}:\\s+(\\d+)`, 'm'))?.[1])
    result[name] = {
      ok,
      problem,
      total: figure('Total'),
      passed: figure('Passed'),
      output: ok ? undefined : output.slice(-4000),
    }
  }
  return result
}

/** Ours beside every mode of PyTorch, the mode that is quickest to prepare first. */
function compare(network, batch) {
  return () => {
    const own = ours(network, batch, 'bf16')
    const modes = {}
    for (const mode of ['graph', 'reduce-overhead', 'default', 'max-autotune']) {
      if (secondsLeft() < 30) break
      modes[mode] = peer('torch_inference.py', modelFile(network), '--batch', `${batch}`, '--mode', mode)
    }
    const fastest = Math.max(...Object.values(modes).map(({ imagesPerSecond }) => imagesPerSecond ?? 0))
    return { own, modes, ratio: own.imagesPerSecond / fastest }
  }
}

/** Whole steps from the same weights; PyTorch runs eagerly, with automatic casts to bf16. */
function compareTraining(network, batch) {
  return () => {
    const own = oursTraining(network, batch, 'bf16')
    const steps = ['--random', '--steps', '4', '--repeat', '4', '--device', 'cuda', '--dtype', 'bf16']
    const theirs = peer('torch_training.py', modelFile(network), '--batch', `${batch}`, ...steps)
    return { own, theirs, ratio: own.imagesPerSecond / theirs.imagesPerSecond }
  }
}

/** Selection, loss and gradient of embeddings on the device, beside PyTorch on the same ones. */
function compareMining(n) {
  return () => {
    const folder = packed('mining')
    mkdirSync(folder, { recursive: true })
    const own = figures('build/device/facenet_bench', ['mining', `${n}`, '128', '40', folder])
    const files = ['--x', join(folder, 'x.f32'), '--labels', join(folder, 'labels.i32')]
    const torch = peer('torch_mining.py', '--device', 'cuda', '--n', `${n}`, ...files)
    return { own, torch, ratio: torch.seconds / own.seconds }
  }
}

/** Updates of as many weights as NN1 has, and what part of the device's copy rate they come to. */
function optimizer() {
  const own = figures('build/device/facenet_bench', ['optimizer', '140000000'])
  const copy = results.stages.ceilings?.copyBytesPerSecond
  const timed = Object.entries(own).filter(([, { bytesPerSecond }]) => bytesPerSecond)
  return { own, shares: Object.fromEntries(timed.map(([name, rate]) => [name, rate.bytesPerSecond / copy])) }
}

/** Runs the tests whose names have `which` in them; where there are none, nothing was checked. */
function sanitizer(tool, program, ...args) {
  return () => {
    const all = ['--tool', tool, '--error-exitcode', '9', `build/device/${program}`, ...args]
    const { ok: passed, output, problem } = run('compute-sanitizer', all, { seconds: 90 })
    const ran = Number(output.match(/^ran (\d+)$/m)?.[1] ?? 0)
    const ok = passed && ran > 0
    const summary = output.match(/=+ .*SUMMARY.*/)?.[0]
    return { ok, ran, problem, summary, output: ok ? undefined : output.slice(-4000) }
  }
}

/** In the order of importance. */
const stages = {
  machine,
  build,
  kernelTests: () => kernelTests('facenet_device_tests'),
  trainingKernelTests: () => kernelTests('training_kernels', packed('cases.txt')),
  ceilings: () => peer('torch_ceilings.py'),
  'nn2 256': compare('nn2', 256),
  addonTests,
  'train nn2 256': compareTraining('nn2', 256),
  'nn4.small2 1024': compare('nn4.small2', 1024),
  memcheck: sanitizer('memcheck', 'facenet_device_tests', 'in every order'),
  racecheck: sanitizer('racecheck', 'facenet_device_tests', 'in every order'),
  trainingMemcheck: sanitizer('memcheck', 'training_kernels', packed('cases.txt'), '(cuda bf16)'),
  trainingRacecheck: sanitizer('racecheck', 'training_kernels', packed('cases.txt'), '(cuda bf16)'),
  'train nn4 512': compareTraining('nn4', 512),
  'mining 8192': compareMining(8192),
  'mining 1800': compareMining(1800),
  optimizer,
  'inception-resnet-v1 256': compare('inception-resnet-v1', 256),
  'nn2 1': compare('nn2', 1),
  'nn1 256': compare('nn1', 256),
  synccheck: sanitizer('synccheck', 'facenet_device_tests', 'in every order'),
  initcheck: sanitizer('initcheck', 'facenet_device_tests', 'in every order'),
  'nn3 512': compare('nn3', 512),
  'nn4 1024': compare('nn4', 1024),
}

const chosen = options.only?.split(',') ?? Object.keys(stages)
for (const name of chosen) {
  if (!stages[name]) throw new Error(`Expected stages among ${Object.keys(stages).join(', ')} but received ${name}`)
  if (results.stages[name] && !options.only) continue
  if (secondsLeft() < 20) {
    console.log(`${name}: no time left, run again to go on`)
    continue
  }
  const start = performance.now()
  const result = stages[name]()
  const seconds = (performance.now() - start) / 1000
  results.stages[name] = { seconds, ...result }
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`)
  console.log(`${name} (${seconds.toFixed(0)} s): ${summary(result)}`)
}

/** One line of a stage's result. */
function summary(result) {
  return JSON.stringify(result, (key, value) => (['steps', 'output'].includes(key) ? undefined : value)).slice(0, 600)
}
