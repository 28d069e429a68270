/** Who is answered: clients that know the key, and web pages of this server or of origins that were named. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HttpProblem } from './problems.js'
import { isLoopback, type ServerSettings } from './settings.js'

const digest = (text: string) => createHash('sha256').update(text).digest()

/** Whether a request has the key. The time it takes says nothing of how much of a guess is right. */
export function keyCheck(apiKey: string | undefined): (request: FastifyRequest) => void {
  if (apiKey === undefined) return () => {}
  const expected = digest(apiKey)
  return ({ headers }) => {
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
    const given = bearer ?? headers['x-api-key']
    if (typeof given === 'string' && timingSafeEqual(digest(given), expected)) return
    const message = 'An API key is needed: Authorization: Bearer <key>'
    throw new HttpProblem(401, 'ERR_HTTP_UNAUTHORIZED', message, { 'www-authenticate': 'Bearer' })
  }
}

/**
 * Web pages of other origins are refused unless they were named: without a key, any page that a user of this machine opens could use the
 * server. Those that are named may read answers.
 */
export function originCheck({ corsOrigins, host, apiKey }: ServerSettings) {
  const isLocal = apiKey === undefined && isLoopback(host)
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const { origin } = request.headers
    // A name of a stranger's that leads to this machine, which a page can arrange (DNS rebinding).
    if (isLocal && !isLoopback(request.hostname.replace(/^\[|\]$/g, ''))) {
      throw new HttpProblem(
        403,
        'ERR_HTTP_FORBIDDEN',
        'Without an API key only requests to this machine by its own name are answered',
      )
    }
    if (origin === undefined) return
    if (corsOrigins.includes(origin)) {
      reply.headers({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
        'access-control-allow-headers': 'authorization, content-type, x-api-key',
        'access-control-expose-headers': 'retry-after, x-request-id',
        vary: 'origin',
      })
    } else if (!isOwn(origin, request.headers.host)) {
      throw new HttpProblem(403, 'ERR_HTTP_FORBIDDEN', 'Web pages of this origin are not answered')
    }
  }
}

function isOwn(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host
  } catch {
    return false
  }
}
