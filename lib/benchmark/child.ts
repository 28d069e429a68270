/** The other end of `worker.ts`. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { FaceNetError, type FaceNetErrorCode } from '../errors.js'
import type { EngineOptions } from './engine.js'
import type { Measured, Replies, Reply, Request } from './worker.js'

type Named = Pick<EngineOptions, 'engine' | 'network'>

export class Child<Options extends Named = EngineOptions> {
  private constructor(
    private readonly process: ChildProcess,
    readonly options: Options,
    public notes = '',
  ) {}

  /** Resolves when the worker has opened its model and computed a first batch. `script` is given the options as JSON. */
  static async start<Options extends Named>(script: string, options: Options): Promise<Child<Options>> {
    const child = new Child(fork(script, [JSON.stringify(options)]), options)
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

  /** At once, whatever it is doing. */
  kill(): void {
    this.process.kill('SIGKILL')
  }

  private ask<Kind extends keyof Replies>(request: Request, kind: Kind): Promise<Replies[Kind]> {
    const reply = this.reply(kind)
    this.process.send(request)
    return reply
  }

  private reply<Kind extends keyof Replies>(kind: Kind): Promise<Replies[Kind]> {
    const who = `${this.options.engine} on ${this.options.network}`
    return new Promise((resolve, reject) => {
      const settle = (action: () => void) => {
        this.process.off('message', receive).off('exit', ended)
        action()
      }
      const failed = (message: string, code: string | undefined) =>
        new FaceNetError(isOurs(code) ? code : 'ERR_FACENET_INTERNAL', `${who}: ${message}`)
      const receive = (reply: Reply) =>
        settle(() => {
          if (reply.kind === kind) resolve(reply as unknown as Replies[Kind])
          else if (reply.kind === 'failed') reject(failed(reply.message, reply.code))
          else reject(failed(`answered ${reply.kind}, not ${kind}`, undefined))
        })
      const ended = (code: number | null, signal: string | null) =>
        settle(() => reject(failed(`ended with ${signal ?? `code ${code}`}`, undefined)))
      this.process.on('message', receive).on('exit', ended)
    })
  }
}

const isOurs = (code: string | undefined): code is FaceNetErrorCode => code?.startsWith('ERR_FACENET_') ?? false
