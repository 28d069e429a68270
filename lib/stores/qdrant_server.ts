/** Requests to Qdrant, and what may come of them. */
import { type FaceNetError, invalidArgument } from '../errors.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { storeError, withoutSecrets } from './store_error.js'

interface Settings {
  /** Stands for the store in errors. */
  place: string
  apiKey?: string
  timeout: number
}

/** What every answer has: a result, or why there is none. */
interface Answer {
  result?: unknown
  status?: unknown
}

export class QdrantServer {
  readonly #base: string

  constructor(
    url: string | URL,
    private readonly settings: Settings,
  ) {
    const parsed = URL.canParse(String(url)) ? new URL(url) : undefined
    const expected = 'the http: or https: address of a Qdrant server'
    if (!parsed || !/^https?:$/.test(parsed.protocol)) {
      throw invalidArgument('url', expected, withoutSecrets(String(url)))
    }
    if (parsed.username !== '' || parsed.password !== '') {
      throw invalidArgument('url', `${expected} without user and password: the key is options.apiKey`, 'one with them')
    }
    this.#base = `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`
  }

  /** The `result` of the answer. Redirects are not followed, which could take the key elsewhere. */
  async ask<T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: object, signal?: AbortSignal): Promise<T> {
    const { status, answer } = await this.#send(method, path, body, signal)
    if (status >= 200 && status < 300 && answer.result !== undefined) return answer.result as T
    throw this.#failed(new Error(`it answered ${status} to ${method} ${path}: ${whyOf(answer)}`))
  }

  /** A collection, which somebody else may be making as well. */
  async make(path: string, body: object): Promise<void> {
    const { status, answer } = await this.#send('PUT', path, body)
    if ((status >= 200 && status < 300) || status === 409) return
    throw this.#failed(new Error(`it answered ${status} to PUT ${path}: ${whyOf(answer)}`))
  }

  async #send(method: string, path: string, body?: object, signal?: AbortSignal) {
    const { apiKey, timeout } = this.settings
    throwIfAborted(signal)
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        redirect: 'error',
        headers: {
          accept: 'application/json',
          ...(body && { 'content-type': 'application/json' }),
          ...(apiKey !== undefined && { 'api-key': apiKey }),
        },
        signal: AbortSignal.any([AbortSignal.timeout(timeout), ...(signal ? [signal] : [])]),
        ...(body && { body: JSON.stringify(body) }),
      })
      return { status: response.status, answer: parsed(await response.text()) }
    } catch (error) {
      throwIfAborted(signal)
      throw this.#failed(error)
    }
  }

  #failed(cause: unknown): FaceNetError {
    const { place, apiKey } = this.settings
    return storeError(place, cause, apiKey === undefined ? [] : [apiKey])
  }
}

/** What is no JSON is what a proxy or another server says. */
function parsed(text: string): Answer {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {}
  return { status: { error: text.slice(0, 200) } }
}

function whyOf({ status }: Answer): string {
  const { error } = (typeof status === 'object' && status !== null ? status : {}) as { error?: unknown }
  return typeof error === 'string' ? error : JSON.stringify(status ?? 'nothing')
}
