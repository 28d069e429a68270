/**
 * A file from an address, streamed to the disk. What came is kept where a connection breaks, and the rest asked for; proxies of the
 * environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) are used. Each process writes to a file of its own and renames it when it is whole, so that
 * two may fetch at once; what a process left that ended is taken over by the next.
 */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { FaceNetError } from '../errors.js'
import { makeFolder } from '../files/make_folder.js'
import { throwIfAborted } from '../native/check_arguments.js'

/** What is to be fetched, and what is known of it. */
export interface Wanted {
  url: string
  sha256: string | null
  bytes: number | null
}

/** How a file is fetched. */
export interface DownloadOptions {
  signal?: AbortSignal
  /** Bytes on the disk, and of the whole file where that is known. */
  onProgress?: (done: number, total: number | null) => void
  /** Milliseconds without a byte after which a connection is given up. */
  stall?: number
  /** Tries in a row that bring nothing. */
  tries?: number
  /** Milliseconds before the second try; each further one waits twice as long. */
  pause?: number
}

const mostRedirects = 10
/** No model is larger; a server that never ends must not fill the disk. */
const mostBytes = 4 * 2 ** 30

/** A failure that another try may mend. */
class Transient extends Error {}

/**
 * Fetches into `path`, whole or not at all, and resolves with the file's sha-256.
 *
 * @throws FaceNetError ERR_FACENET_IO: the server refuses or stalls, the file is not the one that is wanted, the disk refuses.
 */
export async function download(wanted: Wanted, path: string, options: DownloadOptions = {}): Promise<string> {
  const { signal, tries = 5, pause = 500 } = options
  const part = `${path}.${hostname()}.${process.pid}.part`
  try {
    await makeFolder(dirname(path))
    await takeOver(path, part)
  } catch (cause) {
    throw refused(path, cause)
  }
  for (let failures = 0; ; ) {
    const before = await sizeOf(part)
    try {
      await fetchRest(wanted, part, options)
      break
    } catch (cause) {
      throwIfAborted(signal)
      if (!(cause instanceof Transient)) throw cause
      failures = (await sizeOf(part)) > before ? 1 : failures + 1
      if (failures >= tries) throw failed(wanted.url, `${cause.message}, ${tries} times in a row`, cause)
      await setTimeout(pause * 2 ** (failures - 1), undefined, { signal }).catch(() => throwIfAborted(signal))
    }
  }
  const { sha256, url } = wanted
  const found = await hashOf(part)
  if (sha256 !== null && found !== sha256) {
    await discard(part)
    throw failed(url, `its sha-256 is ${found}, but its publisher states ${sha256}`)
  }
  await rename(part, path).catch((cause) => {
    throw refused(path, cause)
  })
  await rm(`${part}.json`, { force: true })
  return found
}

export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array)
  return hash.digest('hex')
}

const sizeOf = async (path: string) => (await stat(path).catch(() => undefined))?.size ?? 0

async function discard(part: string): Promise<void> {
  await rm(part, { force: true })
  await rm(`${part}.json`, { force: true })
}

/** A part that a process of this machine left, which runs no more, becomes ours: a rename that only one of several can make. */
async function takeOver(path: string, part: string): Promise<void> {
  const prefix = `${basename(path)}.${hostname()}.`
  for (const name of await readdir(dirname(path))) {
    const pid = name.startsWith(prefix) && /^(\d+)\.part$/.exec(name.slice(prefix.length))?.[1]
    if (!pid || Number(pid) === process.pid || isRunning(Number(pid))) continue
    const left = join(dirname(path), name)
    try {
      await rename(left, part)
      await rename(`${left}.json`, `${part}.json`)
      return
    } catch {}
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** What has to be the same for the rest to belong to what is there. */
interface Validator {
  etag: string | null
  modified: string | null
}

async function fetchRest(wanted: Wanted, part: string, options: DownloadOptions): Promise<void> {
  const have = await sizeOf(part)
  const validator = await readFile(`${part}.json`, 'utf8').then(
    (text): Validator => JSON.parse(text),
    () => undefined,
  )
  const mark = validator?.etag?.startsWith('"') ? validator.etag : (validator?.modified ?? undefined)
  const resume = have > 0 && mark !== undefined
  const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'facenet-native' }
  if (resume) Object.assign(headers, { range: `bytes=${have}-`, 'if-range': mark })
  const { response, close } = await request(wanted.url, headers, options)
  try {
    if (response.status === 416) {
      await discard(part)
      throw new Transient('the server has no more than what is here')
    }
    const from = response.status === 206 && resume ? startOf(response, have) : 0
    const length = Number(response.headers.get('content-length') ?? Number.NaN)
    const total = wanted.bytes ?? (Number.isFinite(length) ? from + length : null)
    if (total !== null && total > mostBytes) throw failed(wanted.url, `it has ${total} bytes, more than any model`)
    if (from === 0) await discard(part)
    const found = { etag: response.headers.get('etag'), modified: response.headers.get('last-modified') }
    await writeFile(`${part}.json`, JSON.stringify(found)).catch((cause) => {
      throw refused(part, cause)
    })
    await append(wanted, part, from, total, response, options)
  } finally {
    await close()
  }
}

function startOf(response: Response, have: number): number {
  const start = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN)
  if (start !== have) throw new Transient('the server sent another part than was asked for')
  return start
}

async function append(
  { url, bytes }: Wanted,
  part: string,
  from: number,
  total: number | null,
  { body }: Response,
  { onProgress }: DownloadOptions,
): Promise<void> {
  let done = from
  let file: FileHandle | undefined
  try {
    file = await open(part, from === 0 ? 'w' : 'a')
    const chunks = (body ?? []) as AsyncIterable<Uint8Array>
    for await (const chunk of chunksOf(chunks)) {
      done += chunk.length
      if (done > (bytes ?? mostBytes)) {
        await discard(part)
        throw failed(url, `it has more than the ${bytes ?? mostBytes} bytes that it should have`)
      }
      await file.appendFile(chunk)
      onProgress?.(done, total)
    }
    await file.sync()
  } catch (cause) {
    throw cause instanceof FaceNetError || cause instanceof Transient ? cause : refused(part, cause)
  } finally {
    await file?.close()
  }
  if (total !== null && done < total) throw new Transient(`the connection ended after ${done} of ${total} bytes`)
}

/** What breaks while bytes come is the connection's fault, and not the disk's. */
async function* chunksOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = body[Symbol.asyncIterator]()
  for (;;) {
    const next = await source.next().catch((cause) => {
      throw transient(cause)
    })
    if (next.done) return
    yield next.value
  }
}

/** The answer after redirects, of which there may be ten, and none from https to http. */
async function request(address: string, headers: Record<string, string>, { stall = 30_000, signal }: DownloadOptions) {
  const { Agent, EnvHttpProxyAgent, fetch } = await import('undici')
  // Without a proxy the plain one: the other warns that it is experimental.
  const proxied = ['http_proxy', 'https_proxy'].some((name) => process.env[name] || process.env[name.toUpperCase()])
  const agent = new (proxied ? EnvHttpProxyAgent : Agent)({
    headersTimeout: stall,
    bodyTimeout: stall,
    connect: { timeout: stall },
  })
  const close = () => agent.destroy().catch(() => {})
  try {
    let url = address
    for (let redirects = 0; ; redirects++) {
      const response = (await fetch(url, { headers, redirect: 'manual', dispatcher: agent, signal }).catch((cause) => {
        throw transient(cause)
      })) as unknown as Response
      if (![301, 302, 303, 307, 308].includes(response.status)) return { response: checked(address, response), close }
      await response.body?.cancel()
      if (redirects === mostRedirects) throw failed(address, `it redirects more than ${mostRedirects} times`)
      const next = new URL(response.headers.get('location') ?? '', url)
      if (url.startsWith('https:') && next.protocol !== 'https:') {
        throw failed(address, `it redirects from https to ${next.protocol.slice(0, -1)}`)
      }
      url = next.href
    }
  } catch (error) {
    await close()
    throw error
  }
}

function checked(url: string, response: Response): Response {
  const { status, ok } = response
  if (status === 429 || status >= 500) throw new Transient(`the server answered ${status}`)
  if (!ok && status !== 416) throw failed(url, `the server answered ${status}`)
  if (/^text\/html\b/.test(response.headers.get('content-type') ?? '')) {
    throw failed(url, 'the server sent a page (text/html) in the place of the file')
  }
  return response
}

function transient(cause: unknown): Transient {
  const { cause: inner, message } = cause as Error
  const { code, message: said } = (inner instanceof Error ? inner : (cause as Error)) as NodeJS.ErrnoException
  const stalled = code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT'
  return new Transient(stalled ? 'the server sent nothing for too long' : (said ?? message), { cause })
}

function failed(url: string, why: string, cause?: unknown): FaceNetError {
  const details = { argument: url, expected: 'the file of the model', received: why, cause }
  return new FaceNetError('ERR_FACENET_IO', `Cannot fetch ${url}: ${why}`, details)
}

/** What the file system says of the cache, and what helps. */
export function refused(path: string, cause: unknown): FaceNetError {
  if (cause instanceof FaceNetError) return cause
  const { code, message } = cause as NodeJS.ErrnoException
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const help = full ? 'the disk is full: make room' : 'the cache cannot be written'
  const details = { argument: path, expected: 'a cache that can be written', received: code ?? message, cause }
  return new FaceNetError(
    'ERR_FACENET_IO',
    `Cannot write ${path}: ${help}, or name another with FACENET_CACHE (${message})`,
    details,
  )
}
