/**
 * What a process hears from the one before it in a ring, and says to the one after it: frames of bytes in the order of the calls, and
 * a sign of life between them, so that a process that is gone is told from one that is busy.
 */
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { FaceNetError } from '../../errors.js'

/** Number and length of a frame; a sign of life has the number 0. */
const headerBytes = 8
/** Of a frame: more is no message of ours. */
const mostBytes = 2 ** 31
/** Signs of life in the time after which a silent peer counts as lost. */
const signs = 4
/** Milliseconds that neighbours have to close their ends. */
const leaveWithin = 1000

export interface WireOptions {
  next: Socket
  previous: Socket
  /** Names of both, for errors. */
  names: { next: string; previous: string }
  /** Milliseconds of silence after which a peer counts as lost. */
  peerTimeout: number
}

interface Frame {
  number: number
  bytes: Uint8Array
}

export class Wire {
  readonly #options: WireOptions
  readonly #header = Buffer.alloc(headerBytes)
  #headerHas = 0
  #frame: (Frame & { has: number }) | undefined
  readonly #frames: Frame[] = []
  #waiting: { resolve(): void; reject(error: FaceNetError): void } | undefined
  #lost: FaceNetError | undefined
  /** Why no more frames come after those that are there. */
  #ended: FaceNetError | undefined
  #nextLeft = false
  #left = false
  #heard = performance.now()
  readonly #pulse: NodeJS.Timeout
  /** Bytes sent, headers and signs of life included. */
  sentBytes = 0

  constructor(options: WireOptions) {
    this.#options = options
    const { next, previous, names, peerTimeout } = options
    for (const socket of [next, previous]) socket.setNoDelay(true)
    // One that leaves in good order says so to the process before it, which may still wait for others.
    next.on('data', () => {
      this.#nextLeft = true
    })
    const closed = (name: string, cause?: Error) => {
      if (name !== names.next || !this.#nextLeft)
        this.lose(peerLost(name, cause?.message ?? 'its connection was closed', cause))
    }
    next.on('error', (cause) => closed(names.next, cause))
    next.on('close', () => closed(names.next))
    previous.on('error', (cause) => this.#endOfFrames(peerLost(names.previous, cause.message, cause)))
    for (const event of ['end', 'close'])
      previous.on(event, () => this.#endOfFrames(peerLost(names.previous, 'its connection was closed')))
    previous.on('data', (chunk) => this.#hear(chunk))
    for (const socket of [next, previous]) socket.resume()
    const every = peerTimeout / signs
    let last = performance.now()
    this.#pulse = setInterval(() => {
      const now = performance.now()
      // A process that was stopped itself has yet to hear what has come meanwhile.
      if (now - last > 2 * every) this.#heard = now
      last = now
      const silence = now - this.#heard
      if (silence > peerTimeout)
        this.lose(peerLost(names.previous, `nothing came from it for ${(silence / 1000).toFixed(1)} s`))
      else this.#write(headerOf(0, 0))
    }, every)
    this.#pulse.unref()
  }

  /** Sends a frame to the next process. Resolves when the system has its bytes: the caller may change them then. */
  send(number: number, bytes: Uint8Array): Promise<void> {
    if (this.#lost) return Promise.reject(this.#lost)
    this.#write(headerOf(number, bytes.length))
    return new Promise((resolve, reject) =>
      this.#write(bytes, (error) => (error ? reject(this.#why(error)) : resolve())),
    )
  }

  /** The bytes of the next frame, which are the caller's own. Their memory begins on a boundary of 8 bytes. */
  async receive(number: number): Promise<Uint8Array> {
    while (this.#frames.length === 0) {
      const why = this.#lost ?? this.#ended
      if (why) throw this.lose(why)
      await new Promise<void>((resolve, reject) => {
        this.#waiting = { resolve, reject }
      }).finally(() => {
        this.#waiting = undefined
      })
    }
    const frame = this.#frames.shift()!
    if (frame.number === number) return frame.bytes
    const { previous } = this.#options.names
    throw this.lose(peerLost(previous, `it is at exchange ${frame.number}, and this process at ${number}`))
  }

  /** Ends both connections; what waits, and whoever calls later, is told why. The first reason stays. */
  lose(why: FaceNetError): FaceNetError {
    if (this.#lost || this.#left) return this.#lost ?? why
    this.#lost = why
    clearInterval(this.#pulse)
    const { next, previous } = this.#options
    for (const socket of [next, previous]) socket.destroy()
    this.#waiting?.reject(why)
    return why
  }

  /** Ends both connections in good order, after the last frame. */
  async leave(): Promise<void> {
    if (this.#lost || this.#left) return
    this.#left = true
    clearInterval(this.#pulse)
    const { next, previous } = this.#options
    const closed = [next, previous].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
    previous.end(Buffer.of(1))
    next.end()
    await Promise.race([Promise.all(closed), wait(leaveWithin)])
    for (const socket of [next, previous]) socket.destroy()
  }

  #endOfFrames(why: FaceNetError): void {
    this.#ended ??= why
    if (this.#frames.length === 0 && this.#waiting) this.lose(this.#ended)
  }

  #why(cause: Error): FaceNetError {
    return this.#lost ?? peerLost(this.#options.names.next, cause.message, cause)
  }

  #write(bytes: Uint8Array, done?: (error?: Error | null) => void): void {
    this.sentBytes += bytes.length
    this.#options.next.write(bytes, done)
  }

  #hear(chunk: Buffer): void {
    this.#heard = performance.now()
    let at = 0
    while (at < chunk.length) {
      if (!this.#frame) {
        const part = Math.min(headerBytes - this.#headerHas, chunk.length - at)
        chunk.copy(this.#header, this.#headerHas, at, at + part)
        this.#headerHas += part
        at += part
        if (this.#headerHas < headerBytes) return
        this.#headerHas = 0
        const [number, length] = [this.#header.readUInt32LE(0), this.#header.readUInt32LE(4)]
        if (length > mostBytes) {
          this.lose(peerLost(this.#options.names.previous, `it sent a frame of ${length} bytes`))
          return
        }
        if (number === 0) continue
        this.#frame = { number, bytes: new Uint8Array(length), has: 0 }
      }
      const { bytes, has } = this.#frame
      const part = Math.min(bytes.length - has, chunk.length - at)
      bytes.set(chunk.subarray(at, at + part), has)
      at += part
      this.#frame.has += part
      if (this.#frame.has < bytes.length) return
      this.#frames.push(this.#frame)
      this.#frame = undefined
      this.#waiting?.resolve()
    }
  }
}

function headerOf(number: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(headerBytes)
  header.writeUInt32LE(number, 0)
  header.writeUInt32LE(length, 4)
  return header
}

export function peerLost(peer: string, why: string, cause?: unknown): FaceNetError {
  const message = `${peer} is lost: ${why}. Start all processes again with --resume, in any number`
  return new FaceNetError('ERR_FACENET_PEER_LOST', message, {
    argument: peer,
    expected: 'a process that is heard of',
    received: why,
    cause,
  })
}
