// Builds test/kernels/training with CMake and runs its tests: the backward of single ops against finite differences, and
// the CPU backend against the reference, and in the emulator the CUDA backend too.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tables } from '../cases/index.js'
import { tableText } from '../cases/text.js'
import { buildEmulator } from '../emulator/build.mjs'
import { narrowerIsas } from '../support/isa.js'

const sources = fileURLToPath(new URL('training', import.meta.url))
const folder = fileURLToPath(new URL('../../build/training_kernels', import.meta.url))

function run(command: string, args: string[], environment: Record<string, string> = {}) {
  const env = { ...process.env, ...environment }
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, env })
  return { status, output: error ? `${command} cannot be run: ${error.message}` : stdout + stderr }
}

function build(...args: string[]) {
  const { status, output } = run('cmake', args)
  if (status !== 0) assert.unreachable(`cmake ${args.join(' ')}:\n${output}`)
}

build('-S', sources, '-B', folder, '-DCMAKE_BUILD_TYPE=Release')
build('--build', folder, '--parallel', '2')
const cases = `${folder}/cases.txt`
writeFileSync(cases, tableText(tables))

/** A test for each line that the program prints: "ok <test>" or "not ok <test>: <problem>", and "ran <count>" at the end. */
function addTests(program: string, where: string, environment: Record<string, string> = {}) {
  const { status, output } = run(program, [cases], environment)
  const lines = output.trimEnd().split('\n')
  for (const line of lines.slice(0, -1)) {
    const [, result, item, problem] = line.match(/^(ok|not ok) (.*?)(?:: (.*))?$/) ?? []
    test(`${item ?? 'the output is a line a test'} (${where})`, () => assert.is(result, 'ok', problem ?? line))
  }
  test(`the runner comes to its end (${where})`, () => {
    assert.is(lines.at(-1), `ran ${lines.length - 1}`)
    assert.ok(
      lines.length > tables.length && (status === 0 || status === 1),
      `${lines.length} lines, exit code ${status}`,
    )
  })
}

for (const isa of ['', ...narrowerIsas])
  addTests(`${folder}/training_kernels`, isa || 'widest vectors', { FACENET_ISA: isa })
addTests(buildEmulator('training'), 'emulated')

test.run()
