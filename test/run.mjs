// Runs every test/**/*.test.ts in a process of its own, two at a time, and the type tests. Prints failures in full and
// as its last line the count. Arguments select files by a part of their path: `npm test -- ops binding/model`.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { buildEmulator } from './emulator/build.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const jobs = Number(process.env.FACENET_TEST_JOBS ?? 2)
const timeoutSeconds = Number(process.env.FACENET_TEST_TIMEOUT ?? 1200)

/** uvu's summary: passed, failed and skipped tests; undefined where there is none, or no test. */
function countUvu(output) {
  const figure = (name) => Number(output.match(new RegExp(`^\\s*${name}:\\s+(\\d+)\\s*$`, 'm'))?.[1])
  const [total, passed, skipped] = [figure('Total'), figure('Passed'), figure('Skipped')]
  if (!(total + skipped > 0)) return undefined
  return { passed, failed: total - passed, skipped }
}

const testFiles = readdirSync(join(root, 'test'), { recursive: true })
  .filter((path) => path.endsWith('.test.ts') && !/^support\/|(^|\/)fixtures\//.test(path))
  .sort()
  .map((path) => ({
    name: join('test', path),
    args: ['--import', 'tsx', join('test', path)],
    count: countUvu,
  }))

/** A check that is one test: it passes where its command exits with 0. */
const check = (name, args) => ({
  name,
  args,
  count: (_, code) => ({ passed: Number(code === 0), failed: Number(code !== 0), skipped: 0 }),
})
const checks = [
  check('types of the sources (tsc)', ['node_modules/typescript/bin/tsc', '--noEmit']),
  check('public types (tsd)', ['node_modules/tsd/dist/cli.js', '--files', 'types/*.test-d.ts']),
]

const wanted = process.argv.slice(2)
const cases = [...checks, ...testFiles].filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
)

/** Runs one case; resolves with its counts. */
function run({ name, args, count }) {
  return new Promise((resolve) => {
    const start = performance.now()
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' }
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, timeoutSeconds * 1000)

    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const result = count(output, code) ?? { passed: 0, failed: 0, skipped: 0, problem: 'it ran no test' }
      if (timedOut) result.problem = `it took longer than ${timeoutSeconds} s`
      else if (signal) result.problem = `it was killed by ${signal}`
      else if (code !== 0) result.problem ??= `it exited with code ${code}`
      // A crash is a failure even where all tests that ran have passed.
      if (result.problem && result.failed === 0) result.failed = 1
      report(name, result, output, (performance.now() - start) / 1000)
      resolve(result)
    })
  })
}

function report(name, { passed, failed, skipped, problem }, output, seconds) {
  const notes = [`${passed} passed`, failed && `${failed} failed`, skipped && `${skipped} skipped`].filter(Boolean)
  console.log(`${failed ? 'FAIL' : 'ok  '} ${name}: ${notes.join(', ')} (${seconds.toFixed(1)} s)`)
  if (failed) console.log(`${output.trimEnd()}\n${name}: ${problem}\n`)
}

// Otherwise the first file that needs them builds them, and the minutes that takes count as its own.
if (wanted.length === 0) for (const what of ['tests', 'addon', 'training']) buildEmulator(what)

const total = { passed: 0, failed: 0, skipped: 0 }
const waiting = [...cases]
async function work() {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const result = await run(next)
    for (const key of Object.keys(total)) total[key] += result[key]
  }
}
await Promise.all(Array.from({ length: jobs }, work))

if (cases.length === 0) {
  console.log(`No test file matches ${wanted.join(' ')}`)
  total.failed = 1
}
process.exitCode = total.failed === 0 ? 0 : 1
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
