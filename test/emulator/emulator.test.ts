// Builds test/emulator with CMake and a C++ compiler, no nvcc, and runs its tests: kernels on the CPU.
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { buildEmulator } from './build.mjs'

const program = buildEmulator('tests')
const { status, stdout: output } = spawnSync(program, { encoding: 'utf8', maxBuffer: 1 << 26 })
const lines = output.trimEnd().split('\n')

for (const line of lines.slice(0, -1)) {
  const [, result, name, problem] = line.match(/^(ok|not ok) (.*?)(?:: (.*))?$/) ?? []
  test(name ?? 'the output is a line a test', () => assert.is(result, 'ok', problem ?? line))
}
test('the runner comes to its end', () => {
  assert.is(lines.at(-1), `ran ${lines.length - 1}`)
  assert.ok(lines.length > 20 && (status === 0 || status === 1), `${lines.length} lines, exit code ${status}`)
})

test.run()
