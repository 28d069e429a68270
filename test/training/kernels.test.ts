// Builds test/training/kernels with CMake and runs its tests: the backward of single ops against finite differences, and
// the CPU backend against the reference.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const sources = fileURLToPath(new URL('kernels', import.meta.url))
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

for (const isa of ['', 'avx2', 'baseline']) {
  const { status, output } = run(`${folder}/training_kernels`, [], { FACENET_ISA: isa })
  const lines = output.trimEnd().split('\n')
  const name = isa || 'widest vectors'
  for (const line of lines.slice(0, -1)) {
    const [, result, item, problem] = line.match(/^(ok|not ok) (.*?)(?:: (.*))?$/) ?? []
    test(`${item ?? 'the output is a line a test'} (${name})`, () => assert.is(result, 'ok', problem ?? line))
  }
  test(`the runner comes to its end (${name})`, () => {
    assert.is(lines.at(-1), `ran ${lines.length - 1}`)
    assert.ok(lines.length > 60 && (status === 0 || status === 1), `${lines.length} lines, exit code ${status}`)
  })
}

test.run()
