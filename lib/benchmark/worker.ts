/**
 * The loop of a process that measures one engine, driven by messages, so that peers can take turns and memory is each one's alone.
 * Whoever starts it is `child.ts`.
 */
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { agreementImages, type Engine } from './engine.js'

/** Of calls one after the other for at least the time asked for. */
export interface Measured {
  imagesPerSecond: number
  /** Processor time of all threads, waiting in spin loops included. Tells more than the clock where others share the machine. */
  cpuMillisecondsPerImage: number
  /** Milliseconds of each call; the newest ones where there were very many. */
  calls: number[]
}

export type Request = { measure: number } | { embed: true } | { peak: true } | { delay: number } | { finish: true }

export interface Replies {
  ready: { notes: string }
  measured: Measured
  embedded: { embedding: number[] }
  /** The most memory the process has held, in bytes. */
  peaked: { peakBytes: number }
  /** p99 of the event loop's delay in ms while calls of that many images are under way, the 1 ms between two looks included. */
  delayed: { p99: number }
  finished: object
  failed: { message: string; code?: string }
}
export type Reply = { [Kind in keyof Replies]: { kind: Kind } & Replies[Kind] }[keyof Replies]

/** Calls whose time is told. */
const mostCalls = 20_000

/** Opens an engine and answers until it is told to finish. */
export function serveEngine(open: () => Promise<Engine>, batch: number): void {
  const send = (reply: Reply) => process.send!(reply)
  const fail = (error: unknown) => {
    const { message, code } = error instanceof Error ? (error as Error & { code?: string }) : { message: String(error) }
    send({ kind: 'failed', message, code })
    process.disconnect()
  }
  const serve = async () => {
    const engine = await open()
    await engine.run()
    process.on('message', (request: Request) => {
      answer(engine, batch, request).then((reply) => {
        send(reply)
        if (reply.kind === 'finished') process.disconnect()
      }, fail)
    })
    send({ kind: 'ready', notes: engine.notes })
  }
  serve().catch(fail)
}

async function answer(engine: Engine, batch: number, request: Request): Promise<Reply> {
  if ('measure' in request) return { kind: 'measured', ...(await measure(engine, batch, request.measure)) }
  if ('embed' in request) return { kind: 'embedded', embedding: [...(await engine.embed(agreementImages))] }
  if ('peak' in request) return { kind: 'peaked', peakBytes: peakBytes() }
  if ('delay' in request) return { kind: 'delayed', p99: await eventLoopDelay(engine, request.delay) }
  await engine.close()
  return { kind: 'finished' }
}

async function measure(engine: Engine, batch: number, milliseconds: number): Promise<Measured> {
  const start = performance.now()
  const cpuStart = process.cpuUsage()
  const calls: number[] = []
  let [images, elapsed] = [0, 0]
  while (elapsed < milliseconds || images === 0) {
    await engine.run()
    images += batch
    const now = performance.now() - start
    calls.push(now - elapsed)
    elapsed = now
  }
  const { user, system } = process.cpuUsage(cpuStart)
  return {
    imagesPerSecond: (images * 1000) / elapsed,
    cpuMillisecondsPerImage: (user + system) / 1000 / images,
    calls: calls.slice(-mostCalls),
  }
}

async function eventLoopDelay(engine: Engine, count: number): Promise<number> {
  await engine.embed(count)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const start = performance.now()
  delay.enable()
  do await engine.embed(count)
  while (performance.now() - start < 2000)
  delay.disable()
  return delay.percentile(99) / 1e6
}

/** The kernel's own mark where it keeps one: `maxRSS` begins with what the parent held when it started this process. */
function peakBytes(): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024
  } catch {
    return process.resourceUsage().maxRSS * 1024
  }
}
