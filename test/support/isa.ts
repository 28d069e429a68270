/** Instruction sets of the CPU backend, and processes that are told which one to use. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { native } from '../../lib/native/addon.js'

export const isaNames = process.arch === 'arm64' ? ['baseline', 'neon'] : ['baseline', 'avx2', 'avx512']

const { isa } = native().info()
const widest = isaNames.findLastIndex((name) => isa.startsWith(name))

/** Those that this machine can run and that are narrower than the one it chooses. */
export const narrowerIsas: readonly string[] = isaNames.slice(0, Math.max(widest, 0))

const run = promisify(execFile)

/** Runs a TypeScript file, or with `--eval` a program, on that instruction set and without CUDA. Rejects where the process fails. */
export const runOnIsa = (isa: string, ...args: string[]) =>
  run(process.execPath, ['--import', 'tsx', ...args], {
    env: { ...process.env, FACENET_ISA: isa, FACENET_TEST_CUDA: 'none', NO_COLOR: '1' },
    maxBuffer: 1 << 26,
  })
