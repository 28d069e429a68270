/** Runs the command line as its users do, in a process of its own, and makes what it works on. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { writeModel } from '../../lib/files/model/model_file.js'
import { inMemory } from '../api/support.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const main = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url))

export interface Outcome {
  /** 128 + the signal's number where one ended it, as shells count. */
  code: number
  stdout: string
  stderr: string
}

export interface Running {
  process: ReturnType<typeof spawn>
  outcome: Promise<Outcome>
}

export function start(args: string[], environment: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    cwd: root,
    env: { ...process.env, FACENET_MODEL: '', FACENET_DEBUG: '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const code = new Promise<number>((resolve) => {
    child.on('close', (status, signal) => resolve(status ?? (signal === 'SIGINT' ? 130 : 143)))
  })
  const outcome = Promise.all([code, text(child.stdout), text(child.stderr)])
  return { process: child, outcome: outcome.then(([code, stdout, stderr]) => ({ code, stdout, stderr })) }
}

export function facenet(...args: string[]): Promise<Outcome> {
  return start(args).outcome
}

/** A small model with random weights. */
export function writeSmallModel(path: string, threshold?: number) {
  const known = threshold === undefined ? undefined : ({ value: threshold, metric: 'squared-l2' } as const)
  return writeModel(path, { ...inMemory(), threshold: known })
}

export function jsonLines<T>(text: string): T[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
}
