// Runs the check's programs: what they say goes to a log, and one that takes too long ends with everything that it has
// started.
import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { root } from '../files.mjs'

const maxOutput = 1 << 26 // characters that are kept of one program

export class Runner {
  #groups = new Set()

  /** `log`: a file. `secondsLeft()`: what the whole check may still take. */
  constructor(log, secondsLeft) {
    this.log = log
    this.secondsLeft = secondsLeft
  }

  /**
   * Runs a command for at most `seconds`. Resolves, whatever becomes of it, to
   * { ok, stdout, output, problem, seconds }, with `problem` undefined where it ended well.
   */
  async run(command, args, { seconds = 120, env = {}, cwd = root } = {}) {
    const start = performance.now()
    const limit = Math.max(1, Math.min(seconds, this.secondsLeft()))
    const { stdout, output, problem } = await this.#spawn(command, args, limit, { ...process.env, ...env }, cwd)
    appendFileSync(this.log, `\n$ ${command} ${args.join(' ')}\n${output}${problem ?? ''}\n`)
    return { ok: problem === undefined, stdout, output, problem, seconds: (performance.now() - start) / 1000 }
  }

  /** The JSON object in a command's last line, or { problem, output }: what went wrong and the end of what it said. */
  async figures(command, args, limits) {
    const { ok, stdout, output, problem } = await this.run(command, args, limits)
    if (!ok) return { problem, output: output.slice(-2000) }
    try {
      return JSON.parse(stdout.trimEnd().split('\n').at(-1))
    } catch {
      return { problem: 'its last line is no JSON', output: output.slice(-2000) }
    }
  }

  /** Ends what runs, with what it has started. */
  stop() {
    for (const group of this.#groups) kill(group)
  }

  #spawn(command, args, limit, env, cwd) {
    return new Promise((resolve) => {
      // A process group of its own: compilers and workers of PyTorch are children of children.
      const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
      let stdout = ''
      let output = ''
      let problem
      const end = setTimeout(() => {
        problem = `took longer than ${Math.round(limit)} s`
        kill(child.pid)
      }, limit * 1000)
      if (child.pid) this.#groups.add(child.pid)
      child.stdout.on('data', (text) => {
        if (stdout.length < maxOutput) stdout += text
        if (output.length < maxOutput) output += text
      })
      child.stderr.on('data', (text) => {
        if (output.length < maxOutput) output += text
      })
      child.on('error', (error) => finish(`cannot be run: ${error.message}`))
      child.on('close', (code, signal) => {
        if (code !== 0) problem ??= signal ? `ended by ${signal}` : `exit code ${code}`
        finish(problem)
      })
      const finish = (what) => {
        clearTimeout(end)
        this.#groups.delete(child.pid)
        resolve({ stdout, output, problem: what })
      }
    })
  }
}

function kill(group) {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

/** Calls `work` of every item, at most `atOnce` at a time. */
export async function eachOf(items, atOnce, work) {
  const rest = [...items]
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
