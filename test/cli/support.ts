/** Runs the command line as its users do, in a process of its own, and makes what it works on. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { dispatch } from '../../lib/cli/dispatch.js'
import { writeModel } from '../../lib/files/model/model_file.js'
import { tsIsStale } from '../../scripts/build-ts.mjs'
import { inMemory } from '../api/support.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What Node is given to run the command line: what is published, where it is built and up to date, else the sources. */
export const commandLine: readonly string[] = tsIsStale()
  ? ['--import', 'tsx', join(root, 'lib/cli/main.ts')]
  : [join(root, 'dist/esm/cli/main.js')]

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

/** `input` is what it finds on standard input. */
export function start(args: string[], environment: Record<string, string> = {}, input?: string): Running {
  const child = spawn(process.execPath, [...commandLine, ...args], {
    cwd: root,
    env: { ...process.env, FACENET_MODEL: '', FACENET_DEBUG: '', ...environment },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  child.stdin?.end(input)
  const code = new Promise<number>((resolve) => {
    child.on('close', (status, signal) => resolve(status ?? (signal === 'SIGINT' ? 130 : 143)))
  })
  const outcome = Promise.all([code, text(child.stdout!), text(child.stderr!)])
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

/** A command in this process, which is faster than one of its own: what it prints, and how it ends. */
export async function command(...words: string[]): Promise<{ out: string; error: string; ended?: unknown }> {
  const said = { out: '', error: '' }
  const { stdout, stderr } = process
  const [write, complain] = [stdout.write, stderr.write]
  const keep = (name: 'out' | 'error') => (text: string) => {
    said[name] += text
    return true
  }
  stdout.write = keep('out') as typeof stdout.write
  stderr.write = keep('error') as typeof stderr.write
  try {
    await dispatch(words, new AbortController().signal)
    return said
  } catch (ended) {
    return { ...said, ended }
  } finally {
    stdout.write = write
    stderr.write = complain
  }
}
