/** Stable codes of every error this package throws. */
export type FaceNetErrorCode =
  | 'ERR_FACENET_ADDON_NOT_FOUND'
  | 'ERR_FACENET_CUDA_UNAVAILABLE'
  | 'ERR_FACENET_CUDA_OOM'
  | 'ERR_FACENET_MODEL_INVALID'
  | 'ERR_FACENET_INVALID_ARGUMENT'
  | 'ERR_FACENET_IMAGE_INVALID'
  | 'ERR_FACENET_FACE_COUNT'
  | 'ERR_FACENET_IO'
  | 'ERR_FACENET_ABORTED'
  | 'ERR_FACENET_DISPOSED'
  | 'ERR_FACENET_OVERLOADED'
  | 'ERR_FACENET_NOT_FINITE'
  | 'ERR_FACENET_PEER_LOST'
  | 'ERR_FACENET_INTERNAL'

/** What a `FaceNetError` knows beside its code and message. */
export interface FaceNetErrorDetails {
  /** The argument, layer, tensor or file that was wrong. */
  argument?: string
  /** What was asked for, in words. */
  expected?: string
  /** What came instead, in words. */
  received?: string
  /** The error that led to this one; of an abort, the signal's reason. */
  cause?: unknown
  /** Where several things failed, the error of each. */
  errors?: readonly Error[]
}

/** In the registry, so that errors of the ES modules are known to the CommonJS build of this package and the other way round. */
const brand = Symbol.for('facenet-native.FaceNetError')

/**
 * What every function of this package throws or rejects with. `code` is stable, the message is for people. An abort has the
 * `name` `AbortError`, as the platform's own aborts do.
 *
 * @example
 * ```ts
 * try {
 *   await model.embed(photographs, { signal: AbortSignal.timeout(1000) })
 * } catch (error) {
 *   if (!(error instanceof FaceNetError) || error.code !== 'ERR_FACENET_ABORTED') throw error
 *   console.log('not done within a second')
 * }
 * ```
 */
export class FaceNetError extends Error {
  /** `AbortError` where the code is ERR_FACENET_ABORTED. */
  override readonly name: 'FaceNetError' | 'AbortError'
  /** One of a fixed list, for programs. */
  readonly code: FaceNetErrorCode
  /** The argument, layer, tensor or file that was wrong. */
  readonly argument?: string
  /** What was asked for, in words. */
  readonly expected?: string
  /** What came instead, in words. */
  readonly received?: string
  /** Where several things failed, such as images of a stream: the error of each. */
  readonly errors?: readonly Error[]

  /**
   * Makes an error of this package.
   *
   * @param code what went wrong, for programs.
   * @param message the same for people.
   * @param details of which the error has what is given.
   */
  constructor(code: FaceNetErrorCode, message: string, details: FaceNetErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = code === 'ERR_FACENET_ABORTED' ? 'AbortError' : 'FaceNetError'
    this.code = code
    this.argument = details.argument
    this.expected = details.expected
    this.received = details.received
    if (details.errors) this.errors = details.errors
    Object.defineProperty(this, brand, { value: true })
  }
}

/** `instanceof` holds for errors of every copy of this package in the process; for classes made of this one it is the usual. */
Object.defineProperty(FaceNetError, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    if (this !== FaceNetError) return Function.prototype[Symbol.hasInstance].call(this as () => void, value)
    return typeof value === 'object' && value !== null && brand in value
  },
})

/** `Expected <expected> for <argument> but received <received>`. */
export function invalidArgument(argument: string, expected: string, received: unknown): FaceNetError {
  return mismatch('ERR_FACENET_INVALID_ARGUMENT', argument, expected, received)
}

/** The same for the contents of a model file or graph. */
export function invalidModel(argument: string, expected: string, received: unknown, cause?: unknown): FaceNetError {
  return mismatch('ERR_FACENET_MODEL_INVALID', argument, expected, received, cause)
}

/** Use of a model, a trainer, a detector or a gallery that was disposed of. */
export function disposed(what: 'model' | 'trainer' | 'detector' | 'gallery' | 'store'): FaceNetError {
  const [expected, received] = [`an open ${what}`, 'a disposed one']
  const message = `Expected ${expected} for ${what} but received ${received}`
  return new FaceNetError('ERR_FACENET_DISPOSED', message, { argument: what, expected, received })
}

/** A file or folder that cannot be read; `cause` is what the file system said. A FaceNetError is passed on as it is. */
export function cannotRead(path: string, expected: string, cause: unknown): FaceNetError {
  return fileError('read', path, expected, cause)
}

/** The same where it cannot be written. */
export function cannotWrite(path: string, expected: string, cause: unknown): FaceNetError {
  return fileError('write', path, expected, cause)
}

function fileError(verb: string, path: string, expected: string, cause: unknown): FaceNetError {
  if (cause instanceof FaceNetError) return cause
  const { code, message }: NodeJS.ErrnoException = cause instanceof Error ? cause : new Error(String(cause))
  const details = { argument: path, expected, received: code ?? message, cause }
  return new FaceNetError('ERR_FACENET_IO', `Cannot ${verb} ${path}: ${message}`, details)
}

function mismatch(
  code: FaceNetErrorCode,
  argument: string,
  expected: string,
  received: unknown,
  cause?: unknown,
): FaceNetError {
  const shown = typeof received === 'string' ? received : describe(received)
  return new FaceNetError(code, `Expected ${expected} for ${argument} but received ${shown}`, {
    argument,
    expected,
    received: shown,
    cause,
  })
}

/** A short, safe rendering of any value for a message. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value)
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${(value as Uint8Array).length}`
  return typeof value === 'object' ? `an object (${value.constructor?.name ?? 'no constructor'})` : typeof value
}
