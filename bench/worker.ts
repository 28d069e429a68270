/**
 * One engine with one network in a process of its own, driven by messages, so that peers can take turns and memory is each
 * one's alone. Its first argument is a `WorkerOptions` as JSON.
 */
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { agreementImages, type Engine, type EngineOptions } from './engines/engine.js'

export interface WorkerOptions extends EngineOptions {
  engine: 'facenet' | 'onnxruntime'
}

/** Of calls one after the other for at least the time asked for. */
export interface Measured {
  imagesPerSecond: number
  /** Processor time of all threads, waiting in spin loops included. Tells more than the clock where others share the machine. */
  cpuMillisecondsPerImage: number
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
  failed: { message: string }
}
export type Reply = { [Kind in keyof Replies]: { kind: Kind } & Replies[Kind] }[keyof Replies]

const send = (reply: Reply) => process.send!(reply)

async function open(options: WorkerOptions): Promise<Engine> {
  if (options.engine === 'facenet') return (await import('./engines/facenet.js')).openFaceNet(options)
  return (await import('./engines/onnxruntime.js')).openOnnxRuntime(options)
}

async function measure(engine: Engine, batch: number, milliseconds: number): Promise<Measured> {
  const start = performance.now()
  const cpuStart = process.cpuUsage()
  let images = 0
  let elapsed = 0
  while (elapsed < milliseconds) {
    await engine.run()
    images += batch
    elapsed = performance.now() - start
  }
  const { user, system } = process.cpuUsage(cpuStart)
  return {
    imagesPerSecond: (images * 1000) / elapsed,
    cpuMillisecondsPerImage: (user + system) / 1000 / images,
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

async function serve(options: WorkerOptions): Promise<void> {
  const engine = await open(options)
  await engine.run()
  const answer = async (request: Request): Promise<Reply> => {
    if ('measure' in request) return { kind: 'measured', ...(await measure(engine, options.batch, request.measure)) }
    if ('embed' in request) return { kind: 'embedded', embedding: [...(await engine.embed(agreementImages))] }
    if ('peak' in request) return { kind: 'peaked', peakBytes: peakBytes() }
    if ('delay' in request) return { kind: 'delayed', p99: await eventLoopDelay(engine, request.delay) }
    await engine.close()
    return { kind: 'finished' }
  }
  process.on('message', (request: Request) => {
    answer(request).then((reply) => {
      send(reply)
      if (reply.kind === 'finished') process.disconnect()
    }, fail)
  })
  send({ kind: 'ready', notes: engine.notes })
}

function fail(error: unknown): void {
  send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
  process.disconnect()
}

serve(JSON.parse(process.argv[2]!) as WorkerOptions).catch(fail)
