// Builds test/kernels/training beside the addon and runs its tests: the backward of single ops against finite differences, and
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

const folder = fileURLToPath(new URL('../../build/cmake', import.meta.url))

function run(command: string, args: string[], environment: Record<string, string> = {}) {
  const env = { ...process.env, ...environment }
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, env })
  return { status, output: error ? `${command} cannot be run: ${error.message}` : stdout + stderr }
}

const { status, output } = run('cmake', ['--build', folder, '--target', 'training_kernels', '--parallel', '2'])
if (status !== 0) throw new Error(`training_kernels cannot be built:\n${output}`)
const cases = `${folder}/tests/cases.txt`
writeFileSync(cases, tableText(tables))

interface Selection {
  /** A part of the names of the tests to run. */
  wanted?: string
  environment?: Record<string, string>
}

/** A test for each line that the program prints: "ok <test>" or "not ok <test>: <problem>", and "ran <count>" at the end. */
function addTests(program: string, where: string, { wanted = '', environment = {} }: Selection = {}) {
  const { status, output } = run(program, [cases, wanted], environment)
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

addTests(`${folder}/tests/training_kernels`, 'widest vectors')
// Finite differences hold the reference, which has no instruction sets.
for (const isa of narrowerIsas)
  addTests(`${folder}/tests/training_kernels`, isa, { wanted: '(cpu', environment: { FACENET_ISA: isa } })
addTests(buildEmulator('training'), 'emulated')

test.run()
