// Builds test/emulator with CMake and a C++ compiler, no nvcc, and runs its tests: kernels on the CPU.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const sources = fileURLToPath(new URL('.', import.meta.url))
const folder = fileURLToPath(new URL('../../build/emulator', import.meta.url))

function run(command: string, ...args: string[]) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  return { status, output: error ? `${command} cannot be run: ${error.message}` : stdout + stderr }
}

function build(...args: string[]) {
  const { status, output } = run('cmake', ...args)
  if (status !== 0) assert.unreachable(`cmake ${args.join(' ')}:\n${output}`)
}

build('-S', sources, '-B', folder, '-DCMAKE_BUILD_TYPE=Release')
build('--build', folder, '--parallel', '2')
const { status, output } = run(`${folder}/facenet_emulator`)
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
