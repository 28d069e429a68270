/** What holds for every request: its limit, its end, its line in the log and its figures. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { keyCheck, originCheck } from './access.js'
import type { Metrics } from './metrics.js'
import { HttpProblem, overloaded, problemOf } from './problems.js'
import type { ServerSettings } from './settings.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Aborted when the client leaves. */
    gone: AbortSignal
    /** Faces that were found in its photographs; for the log. */
    faceCount?: number
  }
  interface FastifyContextConfig {
    /** Whether everybody is answered: what says nothing of anybody. */
    open?: boolean
    /** Whether it is work, of which there may be too much. */
    work?: boolean
  }
}

/** Of the requests under way. */
export class UnderWay {
  count = 0
  stopping = false
}

export function handleRequests(
  app: FastifyInstance,
  settings: ServerSettings,
  metrics: Metrics,
  state: UnderWay,
): void {
  const checkKey = keyCheck(settings.apiKey)
  const checkOrigin = originCheck(settings)
  app.decorateRequest('gone')
  app.decorateRequest('faceCount')

  app.addHook('onRequest', async (request, reply) => {
    watch(request, reply, metrics)
    reply.header('x-request-id', request.id)
    reply.header('cache-control', 'no-store')
    reply.header('x-content-type-options', 'nosniff')
    checkOrigin(request, reply)
    const { open, work } = request.routeOptions.config
    if (open !== true) checkKey(request)
    if (work !== true) return
    if (state.stopping) throw overloaded('The server is about to stop')
    if (state.count >= settings.maxRequests) {
      throw overloaded(`The server answers ${settings.maxRequests} requests at a time: try again later`)
    }
    state.count++
    reply.raw.once('close', () => {
      state.count--
    })
  })

  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error)
    // Messages may quote what a client sent, so that only those of the server's own faults are logged.
    if (problem.status === 500 && !request.gone.aborted) request.log.error({ err: error }, 'failed')
    // What is left of the body would have to be read first.
    if (problem.status !== 422) reply.header('connection', 'close')
    return reply.code(problem.status).headers(problem.headers).send(bodyOf(problem, request.id))
  })
  app.setNotFoundHandler(() => {
    throw new HttpProblem(404, 'ERR_HTTP_NOT_FOUND', 'There is nothing at this address')
  })
}

const bodyOf = ({ code, message }: HttpProblem, requestId: string) => ({ error: { code, message, requestId } })

/** An answer's end, also where the client leaves before. No line has an address of a client, a name or anything of an image. */
function watch(request: FastifyRequest, reply: FastifyReply, metrics: Metrics): void {
  const gone = new AbortController()
  request.gone = gone.signal
  const start = performance.now()
  reply.raw.once('close', () => {
    const left = !reply.raw.writableFinished
    if (left) gone.abort(new Error('The client left'))
    const status = left ? 499 : reply.statusCode
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none')
    const milliseconds = performance.now() - start
    metrics.answered(route, status, milliseconds / 1000)
    if (request.faceCount !== undefined) metrics.faces(request.faceCount)
    const { method, faceCount: faces } = request
    request.log.info(
      { method, route, status, milliseconds: Math.round(milliseconds), faces },
      left ? 'left' : 'answered',
    )
  })
}

/** Bytes that are no request, and requests that take too long: before there is a request, nothing else hears of them. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: import('node:net').Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const [line, code, message] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ['408 Request Timeout', 'ERR_HTTP_TIMEOUT', 'The request took too long to arrive']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? ['431 Request Header Fields Too Large', 'ERR_HTTP_TOO_LARGE', 'The head of the request is too large']
        : ['400 Bad Request', 'ERR_HTTP_BAD_REQUEST', 'The request cannot be read']
  const body = JSON.stringify({ error: { code, message } })
  const head = [
    `HTTP/1.1 ${line}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
