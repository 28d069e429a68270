/**
 * How the processes of a group find each other: all call rank 0, which tells them of each other when all are there; then each calls
 * the next one in the ring and is called by the one before it. Messages are lines of JSON.
 */
import { randomUUID } from 'node:crypto'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { FaceNetError, invalidArgument } from '../../errors.js'
import { surroundings } from '../../native/addon.js'
import { untilAborted } from '../../native/check_arguments.js'
import type { GroupSettings } from './options.js'
import { peerLost, type WireOptions } from './wire.js'

/** Of a message: a stranger's is cut off. */
const mostLine = 64 * 1024
/** Milliseconds between calls to a rank 0 that is not there yet. */
const callEvery = 100

/** What a process says of itself to rank 0. */
interface Hello {
  rank: number
  worldSize: number
  version: string
  what: string
  /** Where the one before it in the ring shall call. */
  host: string
  port: number
}

/** What rank 0 answers. */
type Answer = { token: string; ring: { host: string; port: number }[] } | { error: string }

export async function connect(settings: GroupSettings): Promise<WireOptions> {
  const within = AbortSignal.timeout(settings.timeout)
  const stop = settings.signal ? AbortSignal.any([settings.signal, within]) : within
  const opened: (Server | Socket)[] = []
  try {
    const work = settings.rank === 0 ? asFirst(settings, opened) : asOther(settings, opened, stop)
    const { ring, token, listener } = await untilAborted(work, stop)
    const wire = await untilAborted(joinRing(settings, ring, token, listener), stop)
    for (const each of opened) if (each !== wire.next && each !== wire.previous) close(each)
    return wire
  } catch (error) {
    for (const each of opened) close(each)
    if (within.aborted && !settings.signal?.aborted) throw late(settings)
    throw error
  }
}

/** Who has not come, as far as this process knows. */
function late({ rank, timeout, address, port, worldSize }: GroupSettings): FaceNetError {
  const who = rank === 0 ? `A process of ${worldSize}` : `Rank 0, at ${address}:${port},`
  return peerLost(who, `it did not come within ${timeout / 1000} s`)
}

interface Found {
  ring: { host: string; port: number }[]
  token: string
  /** That the process before this one calls. */
  listener: Listener
}

async function asFirst(settings: GroupSettings, opened: (Server | Socket)[]): Promise<Found> {
  const { address, port, worldSize } = settings
  const listener = await Listener.open(address, 0, opened)
  const meeting = await Listener.open(address, port, opened)
  const own: Hello = { ...introduction(settings), host: address, port: listener.port }
  const hellos = new Map<number, Hello>([[0, own]])
  const sockets = new Set<Socket>()
  while (hellos.size < worldSize) {
    const { socket, message } = await meeting.next()
    if (!isHello(message)) {
      socket.destroy()
      continue
    }
    const hello = message
    sockets.add(socket)
    const problem =
      problemOf(own, hello) ?? (hellos.has(hello.rank) ? `there are two of rank ${hello.rank}` : undefined)
    if (problem) {
      for (const each of sockets) say(each, { error: problem } satisfies Answer)
      throw invalidArgument('group', 'processes that belong together', problem)
    }
    hellos.set(hello.rank, hello)
    // It may come again.
    socket.once('close', () => {
      sockets.delete(socket)
      if (hellos.get(hello.rank) === hello) hellos.delete(hello.rank)
    })
  }
  const ring = Array.from({ length: worldSize }, (_, rank) => {
    const { host, port } = hellos.get(rank)!
    return { host, port }
  })
  const token = randomUUID()
  for (const socket of sockets) say(socket, { token, ring } satisfies Answer)
  return { ring, token, listener }
}

function introduction({ rank, worldSize, what }: GroupSettings): Omit<Hello, 'host' | 'port'> {
  return { rank, worldSize, version: surroundings().version, what }
}

function isHello(message: unknown): message is Hello {
  const { rank, worldSize, version, what, host, port } = (message ?? {}) as Partial<Hello>
  const texts = [version, what, host].every((text) => typeof text === 'string')
  return texts && [rank, worldSize, port].every((number) => Number.isSafeInteger(number))
}

function problemOf(own: Hello, { rank, worldSize, version, what }: Hello): string | undefined {
  if (worldSize !== own.worldSize) return `rank ${rank} counts ${worldSize} processes, rank 0 ${own.worldSize}`
  if (rank < 1 || rank >= worldSize) return `there is a rank ${rank} among ${worldSize} processes`
  if (version !== own.version) return `rank ${rank} is version ${version}, rank 0 ${own.version}`
  if (what !== own.what) return `rank ${rank} trains ${what || 'nothing known'}, rank 0 ${own.what || 'nothing known'}`
  return undefined
}

async function asOther(settings: GroupSettings, opened: (Server | Socket)[], stop: AbortSignal): Promise<Found> {
  const { address, port } = settings
  const first = await call(address, port, opened, stop)
  // Where this machine can be called is where it calls from.
  const host = first.localAddress!
  const listener = await Listener.open(host, 0, opened)
  say(first, { ...introduction(settings), host, port: listener.port } satisfies Hello)
  const answer = await readLine(first).catch((cause) => {
    throw peerLost(`Rank 0, at ${address}:${port},`, 'it left before the group was whole', cause)
  })
  if (!isAnswer(answer)) throw notRankZero(settings)
  if ('error' in answer) throw invalidArgument('group', 'processes that belong together', answer.error)
  return { ...answer, listener }
}

function isAnswer(message: unknown): message is Answer {
  const { error, token, ring } = (message ?? {}) as { error?: unknown; token?: unknown; ring?: unknown }
  return typeof error === 'string' || (typeof token === 'string' && Array.isArray(ring))
}

function notRankZero({ address, port }: GroupSettings): FaceNetError {
  const expected = 'the address and port of rank 0'
  return invalidArgument('MASTER_PORT', expected, `${address}:${port}, where another program answers`)
}

async function joinRing(
  { rank, worldSize, peerTimeout }: GroupSettings,
  ring: Found['ring'],
  token: string,
  listener: Listener,
): Promise<WireOptions> {
  const [after, before] = [(rank + 1) % worldSize, (rank + worldSize - 1) % worldSize]
  const { host, port } = ring[after]!
  const next = await connectTo(host, port).catch((cause) => {
    throw peerLost(`Rank ${after}`, `${host}:${port} cannot be reached: ${(cause as Error).message}`, cause)
  })
  listener.opened.push(next)
  say(next, { token })
  for (;;) {
    const { socket, message } = await listener.next()
    if ((message as { token?: unknown } | null)?.token !== token) {
      socket.destroy()
      continue
    }
    return { next, previous: socket, names: { next: `Rank ${after}`, previous: `Rank ${before}` }, peerTimeout }
  }
}

/** Until rank 0 is there. */
async function call(host: string, port: number, opened: (Server | Socket)[], stop: AbortSignal): Promise<Socket> {
  for (;;) {
    try {
      const socket = await connectTo(host, port)
      opened.push(socket)
      return socket
    } catch {
      // Its name may not be known yet either, where machines start one by one.
      await wait(callEvery, undefined, { signal: stop })
    }
  }
}

function connectTo(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port }, () => {
      socket.off('error', reject)
      // What comes of it is heard by whoever uses it.
      socket.on('error', () => {})
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

const say = (socket: Socket, message: object) => socket.write(`${JSON.stringify(message)}\n`)

const close = (it: Server | Socket) => ('destroy' in it ? it.destroy() : it.close())

/** The first line that comes, as JSON. What comes after it stays in the socket. */
function readLine(socket: Socket): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let line = Buffer.alloc(0)
    const stop = (end: () => void) => {
      socket.off('readable', read)
      socket.off('close', gone)
      end()
    }
    const gone = () => stop(() => reject(peerLost('A process', 'it left before the group was whole')))
    const read = () => {
      // One byte at a time: a line is short, and none that follows it is lost.
      for (let byte = socket.read(1) as Buffer | null; byte; byte = socket.read(1) as Buffer | null) {
        if (byte[0] === 10) return stop(() => resolve(parsed(line)))
        line = Buffer.concat([line, byte])
        if (line.length > mostLine)
          return stop(() => socket.destroy() && reject(peerLost('A process', 'it talks too much')))
      }
    }
    socket.on('readable', read)
    socket.on('close', gone)
    read()
  })
}

function parsed(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString())
  } catch {
    return null
  }
}

/** Those who call, each with its first line. */
class Listener {
  readonly #came: { socket: Socket; message: unknown }[] = []
  #waiting: (() => void) | undefined

  private constructor(
    readonly port: number,
    readonly opened: (Server | Socket)[],
  ) {}

  static async open(host: string, port: number, opened: (Server | Socket)[]): Promise<Listener> {
    const server = createServer()
    opened.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(cannotListen(host, port, cause)))
      server.listen({ host, port }, resolve)
    })
    const listener = new Listener((server.address() as { port: number }).port, opened)
    server.on('connection', (socket) => {
      opened.push(socket)
      socket.on('error', () => {})
      readLine(socket).then(
        (message) => {
          listener.#came.push({ socket, message })
          listener.#waiting?.()
        },
        () => socket.destroy(),
      )
    })
    return listener
  }

  async next(): Promise<{ socket: Socket; message: unknown }> {
    while (this.#came.length === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
    return this.#came.shift()!
  }
}

function cannotListen(host: string, port: number, cause: Error): FaceNetError {
  const why = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'another process listens there' : cause.message
  const message = `Rank 0 cannot listen at ${host}:${port}: ${why}. MASTER_ADDR is an address of this machine, MASTER_PORT a free port`
  return new FaceNetError('ERR_FACENET_IO', message, {
    argument: 'MASTER_PORT',
    expected: 'a free port of this machine',
    received: `${host}:${port}`,
    cause,
  })
}
