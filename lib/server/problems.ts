/** Errors as clients see them: a status, a code, a message, and nothing of the inside of the server. */
import { FaceNetError, type FaceNetErrorCode } from '../errors.js'
import { retryAfter } from './settings.js'

/** What is wrong with a request before an image is looked at. */
export class HttpProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
  }
}

export const overloaded = (message: string) =>
  new HttpProblem(503, 'ERR_FACENET_OVERLOADED', message, { 'retry-after': `${retryAfter}` })

/** Codes whose message is about what the client sent. */
const clientStatus: Partial<Record<FaceNetErrorCode, number>> = {
  ERR_FACENET_IMAGE_INVALID: 422,
  ERR_FACENET_FACE_COUNT: 422,
}

/** Errors of fastify and of what reads multipart bodies. */
const httpProblems: Readonly<Record<string, readonly [status: number, code: string, message: string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'ERR_HTTP_TOO_LARGE', 'The body is larger than this server takes'],
  FST_REQ_FILE_TOO_LARGE: [413, 'ERR_HTTP_TOO_LARGE', 'The body is larger than this server takes'],
  FST_PARTS_LIMIT: [400, 'ERR_HTTP_BAD_REQUEST', 'The form has too many parts'],
  FST_FILES_LIMIT: [400, 'ERR_HTTP_BAD_REQUEST', 'The form has too many files'],
  FST_FIELDS_LIMIT: [400, 'ERR_HTTP_BAD_REQUEST', 'The form has fields beside its files; options go into the address'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'ERR_HTTP_MEDIA_TYPE', 'The content type is none of those that are read here'],
}

/** An answer to an error: what is not the client's is told to the log alone. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error
  if (error instanceof FaceNetError) {
    if (error.code === 'ERR_FACENET_OVERLOADED') return overloaded('The server has too much to do: try again later')
    const status = clientStatus[error.code]
    if (status !== undefined) return new HttpProblem(status, error.code, error.message)
    return new HttpProblem(500, error.code, 'Internal error')
  }
  const { code, statusCode, validation, message } = (error ?? {}) as {
    code?: string
    statusCode?: number
    validation?: unknown
    message?: string
  }
  if (validation) return new HttpProblem(400, 'ERR_FACENET_INVALID_ARGUMENT', `${message}`)
  const known = httpProblems[code ?? '']
  if (known) return new HttpProblem(...known)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new HttpProblem(statusCode, 'ERR_HTTP_BAD_REQUEST', 'The request cannot be read')
  }
  return new HttpProblem(500, 'ERR_FACENET_INTERNAL', 'Internal error')
}
