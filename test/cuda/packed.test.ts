/**
 * What `npm run gpu:pack` makes, in a folder without node_modules above it, as on a machine with a GPU and nothing else: the
 * packed tests run there on the emulated addon, every 40th of each file.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addonLocation, native } from '../../lib/native/addon.js'
import { buildEmulator } from '../emulator/build.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const every = 40

interface Stage {
  ended: boolean
  problem?: string
  [part: string]: unknown
}

interface TestFile {
  ok: boolean
  passed: number
  total: number
  output?: string
}

function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = process.env) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 1 << 26 })
  return { status, output: stdout + stderr }
}

const bare = mkdtempSync(join(tmpdir(), 'facenet-packed-'))
test.after(() => rmSync(bare, { recursive: true, force: true }))

/** Runs stages of the check in the bare folder; the results' file is what a GPU's would be. */
function check(...args: string[]) {
  native()
  const emulated = dirname(buildEmulator('addon'))
  buildEmulator('tests')
  const env = { ...process.env, FACENET_TEST_EVERY: `${every}`, FACENET_ADDON: addonLocation().file }
  const out = join(bare, 'out')
  const options = ['--emulated', emulated, '--out', out, ...args]
  const { status, output } = run(process.execPath, ['scripts/gpu/check.mjs', ...options], bare, env)
  const file = readdirSync(out).find((name) => name.endsWith('.json'))
  assert.ok(file, output)
  return { status, output, stages: JSON.parse(readFileSync(join(out, file), 'utf8')).stages as Record<string, Stage> }
}

test('the pack is made, and holds all it needs', () => {
  const { status, output } = run(process.execPath, ['scripts/gpu/pack.mjs'], root)
  assert.is(status, 0, output)
  mkdirSync(join(bare, 'build'))
  cpSync(join(root, 'build/gpu'), join(bare, 'build/gpu'), {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  })
  for (const path of ['package.json', 'scripts/files.mjs', 'scripts/gpu'])
    cpSync(join(root, path), join(bare, path), { recursive: true })
})

test('its tests run in a bare folder', () => {
  const { status, output, stages } = check('--only', 'ptx,addon tests', '--seconds', '900')
  const files = Object.entries(stages['addon tests']!).filter(([name]) => name.endsWith('.mjs')) as [string, TestFile][]
  for (const [name, { ok, output }] of files) assert.ok(ok, `${name}: ${output}`)
  assert.is(files.length, readdirSync(join(bare, 'build/gpu')).filter((name) => name.endsWith('.test.mjs')).length)
  assert.ok(files.reduce((sum, [, { passed }]) => sum + passed, 0) >= files.length)
  assert.is(stages.ptx!.ok, true)
  assert.is(status, 0, output)
})

test('a stage that cannot run ends itself only, and a second run goes on with what is missing', () => {
  rmSync(join(bare, 'build/gpu/cases.txt'))
  const first = check('--again', '--only', 'training kernels,ptx')
  assert.is(first.status, 1)
  assert.is(first.stages['training kernels']!.ok, false)
  assert.is(first.stages.ptx!.ok, true)
  const seconds = first.stages.ptx!.seconds
  const second = check('--seconds', '11', '--only', 'ptx')
  assert.is(second.status, 0, second.output)
  assert.ok(second.stages['training kernels'], 'what was known before stays')
  assert.is.not(second.stages.ptx!.seconds, seconds)
})

/** A process that has ended stays a zombie (Z) where its parent, or who inherits it, does not ask for its exit code. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test('programs that take too long end with what they have started', async () => {
  const { Runner } = await import('../../scripts/gpu/run.mjs')
  const runner = new Runner(join(bare, 'log'), () => 100)
  const { ok, problem, stdout } = await runner.run('sh', ['-c', 'sleep 100 & echo $!; wait'], { seconds: 1 })
  assert.is(ok, false)
  assert.match(problem!, 'took longer than 1 s')
  const child = Number(stdout)
  assert.ok(child > 0)
  assert.is(isRunning(child), false)
})

test('a program whose last line is no JSON is a result that says so', async () => {
  const { Runner } = await import('../../scripts/gpu/run.mjs')
  const runner = new Runner(join(bare, 'log'), () => 100)
  assert.equal(await runner.figures('echo', ['hello']), { problem: 'its last line is no JSON', output: 'hello\n' })
  assert.match((await runner.figures('no-such-program', [])).problem!, 'cannot be run')
})

test.run()
