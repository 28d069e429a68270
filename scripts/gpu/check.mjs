// The whole check on a machine with a GPU, nvcc, CMake, ninja and PyTorch: builds, runs every device test, measures the
// device's ceilings and the networks beside PyTorch, and runs the kernels under compute-sanitizer.
//
//     npm run gpu:check              where npm is
//     sh build/gpu/check.sh          what `npm run gpu:pack` made, on a machine without Node
//
// Every figure goes to bench/results/gpu-<date>.json when it is there. A stage that fails ends itself only; the exit code
// is 1 where something did. A second run goes on with the stages that are missing. --again begins anew, --only a,b
// runs these, --seconds n ends after n seconds (default 540), --out names another folder for the results, --emulated names
// a folder with the emulated addon and its programs (build/emulator), which run the tests where no GPU is.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { packed, root } from './files.mjs'
import { Runner } from './run.mjs'
import { stagesOf } from './stages.mjs'

const { values: options } = parseArgs({
  options: {
    again: { type: 'boolean', default: false },
    only: { type: 'string' },
    seconds: { type: 'string', default: '540' },
    out: { type: 'string', default: join(root, 'bench/results') },
    emulated: { type: 'string' },
  },
})
const limit = Number(options.seconds)
if (!(limit > 0)) throw new Error(`Expected --seconds to be a number above 0 but received ${options.seconds}`)
const date = new Date().toISOString().slice(0, 10)
const name = `${options.emulated ? 'emulated' : 'gpu'}-${date}`
const file = join(options.out, `${name}.json`)
mkdirSync(packed('models'), { recursive: true })
mkdirSync(options.out, { recursive: true })

const secondsLeft = () => limit - performance.now() / 1000
const runner = new Runner(join(options.out, `${name}.log`), secondsLeft)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => {
    runner.stop()
    process.exit(130)
  })

const stages = stagesOf(runner, options.emulated)
const chosen = options.only?.split(',') ?? Object.keys(stages)
const unknown = chosen.filter((stage) => !stages[stage])
if (unknown.length > 0) {
  throw new Error(`Expected stages among ${Object.keys(stages).join(', ')} but received ${unknown.join(', ')}`)
}
const results = !options.again && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { date, stages: {} }
let failed = false

for (const stage of chosen) {
  if (results.stages[stage]?.ended && !options.only) continue
  if (secondsLeft() < 10) {
    console.log(`${stage}: no time left, run again to go on`)
    failed = true
    continue
  }
  const result = await runStage(stage)
  failed ||= hasProblem(result)
  console.log(`${stage} (${result.seconds.toFixed(0)} s): ${summary(result)}`)
}
process.exitCode = failed ? 1 : 0

/** Runs a stage, whose results are in the file as soon as they are known. `ended`: it was not cut off by the time limit. */
async function runStage(stage) {
  const start = performance.now()
  const result = {}
  results.stages[stage] = result
  const note = (key, value) => {
    result[key] = value
    result.seconds = (performance.now() - start) / 1000
    save()
  }
  try {
    await stages[stage](note)
  } catch (error) {
    note('problem', error.message)
  }
  note('ended', secondsLeft() > 0)
  return result
}

/** The whole file or the one before, also where the machine goes away meanwhile. */
function save() {
  writeFileSync(`${file}.part`, `${JSON.stringify(results, null, 1)}\n`)
  renameSync(`${file}.part`, file)
}

/** Whether a result, or a part of it, says that something went wrong. */
function hasProblem(value) {
  if (value === null || typeof value !== 'object') return false
  return value.problem !== undefined || value.ok === false || Object.values(value).some(hasProblem)
}

/** One line of a stage's result. */
function summary(result) {
  return JSON.stringify(result, (key, value) => (['steps', 'output'].includes(key) ? undefined : value)).slice(0, 600)
}
