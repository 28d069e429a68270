/** The other end of `worker.ts`. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Measured, Replies, Reply, Request, WorkerOptions } from './worker.js'

const script = fileURLToPath(new URL('./worker.ts', import.meta.url))

export class Child {
  private constructor(
    private readonly process: ChildProcess,
    readonly options: WorkerOptions,
    public notes = '',
  ) {}

  /** Resolves when the worker has opened its model and embedded a first batch. */
  static async start(options: WorkerOptions): Promise<Child> {
    const worker = fork(script, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] })
    const child = new Child(worker, options)
    child.notes = (await child.reply('ready')).notes
    return child
  }

  measure(milliseconds: number): Promise<Measured> {
    return this.ask({ measure: milliseconds }, 'measured')
  }

  async embed(): Promise<number[]> {
    return (await this.ask({ embed: true }, 'embedded')).embedding
  }

  /** The most memory the process has held so far, in bytes. */
  async peak(): Promise<number> {
    return (await this.ask({ peak: true }, 'peaked')).peakBytes
  }

  /** p99 of the event loop's delay in ms while calls of `count` images are under way. */
  async delay(count: number): Promise<number> {
    return (await this.ask({ delay: count }, 'delayed')).p99
  }

  async finish(): Promise<void> {
    const exit = once(this.process, 'exit')
    await this.ask({ finish: true }, 'finished')
    await exit
  }

  private ask<Kind extends keyof Replies>(request: Request, kind: Kind): Promise<Replies[Kind]> {
    const reply = this.reply(kind)
    this.process.send(request)
    return reply
  }

  private reply<Kind extends keyof Replies>(kind: Kind): Promise<Replies[Kind]> {
    const { engine, network } = this.options
    return new Promise((resolve, reject) => {
      const settle = (action: () => void) => {
        this.process.off('message', receive).off('exit', ended)
        action()
      }
      const receive = (reply: Reply) =>
        settle(() => {
          if (reply.kind === kind) resolve(reply as unknown as Replies[Kind])
          else reject(new Error(`${engine} on ${network}: ${'message' in reply ? reply.message : reply.kind}`))
        })
      const ended = (code: number | null, signal: string | null) =>
        settle(() => reject(new Error(`${engine} on ${network} ended with ${signal ?? `code ${code}`}`)))
      this.process.on('message', receive).on('exit', ended)
    })
  }
}
