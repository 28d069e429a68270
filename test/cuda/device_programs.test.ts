/**
 * The programs of a GPU check (test/kernels/device, bench/gpu) against CUDA's own headers: nothing else compiles them where no GPU
 * is. Host code is checked without making objects; the tests of PTX are compiled.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { eachOf } from '../../scripts/gpu/run.mjs'
import { findNvcc } from '../../scripts/system.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const nvcc = findNvcc()
const options = ['-std=c++20', '-Itest/kernels/device', '-I.', '-DFACENET_CUDA']

const run = (command: string, args: string[]) => promisify(execFile)(command, args, { cwd: root })

/** Sources of a folder but those that only run in the emulator or on the CPU. */
const sourcesIn = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.cc') && name !== 'main.cc')
    .map((name) => join(folder, name))

/** Where nvcc takes its headers from. */
async function headers(): Promise<string> {
  const { stderr } = await run(nvcc!, ['--dryrun', '-x', 'cu', '-c', '/dev/null'])
  const folders = [...stderr.matchAll(/-I"?([^"\s]+)"?/g)].map(([, folder]) => join(folder!))
  const found = folders.find((folder) => existsSync(join(folder, 'cuda_runtime_api.h')))
  assert.ok(found, stderr)
  return found
}

if (!nvcc) test.skip('programs for a GPU compile (nvcc is not there)', () => {})
else {
  test('host code of the programs for a GPU compiles', async () => {
    const include = `-I${await headers()}`
    const sources = [
      ...sourcesIn('test/kernels'),
      ...sourcesIn('test/kernels/training'),
      'test/kernels/device/main.cc',
      'bench/gpu/kernels.cc',
    ]
    await eachOf(sources, availableParallelism(), async (source) => {
      await run('c++', [...options, include, '-fsyntax-only', source])
    })
  })

  test('tests of PTX compile for sm_90a', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'facenet-ptx-'))
    try {
      await eachOf(['ptx.cu', 'ptx_matrix.cu'], availableParallelism(), async (name) => {
        const object = join(folder, `${basename(name)}.o`)
        await run(nvcc, [...options, '-arch=sm_90a', '-c', '-o', object, join('test/emulator/tests', name)])
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}

test.run()
