// Builds test/emulator with CMake and a C++ compiler, no nvcc, and runs its tests: kernels on the CPU.
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { buildEmulator } from './build.mjs'

const program = buildEmulator('tests')

/** Runs the tests whose names contain `wanted`, on tensor cores that add as those of a machine do (tensor_core.h). */
function addTests(tensorCores: string, wanted: string[], least: number) {
  const env = { ...process.env, FACENET_EMULATOR: `tensor-cores=${tensorCores}` }
  const { status, stdout: output } = spawnSync(program, wanted, { encoding: 'utf8', maxBuffer: 1 << 26, env })
  const lines = output.trimEnd().split('\n')
  for (const line of lines.slice(0, -1)) {
    const [, result, name, problem] = line.match(/^(ok|not ok) (.*?): (.*)$/) ?? line.match(/^(ok|not ok) (.*)$/) ?? []
    test(`${name ?? 'the output is a line a test'} (${tensorCores})`, () => assert.is(result, 'ok', problem ?? line))
  }
  test(`the runner comes to its end (${tensorCores})`, () => {
    assert.is(lines.at(-1), `ran ${lines.length - 1}`)
    assert.ok(lines.length > least && (status === 0 || status === 1), `${lines.length} lines, exit code ${status}`)
  })
}

const onTensorCores = ['mma.sync', 'tensor cores', 'weight gradients', 'siblings', 'groups of']
addTests('nearest', [], 20)
addTests('hopper', onTensorCores, 10)
addTests('ampere', ['mma.sync', 'tensor cores'], 4)

test.run()
