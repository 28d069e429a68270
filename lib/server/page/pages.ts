/** Pages for people: one to try the server, and one that lists its routes. They load nothing from elsewhere, and run no other script. */
import type { FastifyInstance } from 'fastify'
import type { ServerInfo } from '../routes.js'
import { documentPage, tryPage } from './markup.js'
import { script } from './script.js'
import { style } from './style.js'

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  'img-src blob: data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

interface PageParts {
  info: ServerInfo
  needsKey: boolean
  /** Of OpenAPI. */
  document: object
}

export function addPages(app: FastifyInstance, { info, needsKey, document }: PageParts): void {
  const files = {
    '/': ['text/html; charset=utf-8', tryPage(info, needsKey)],
    '/docs': ['text/html; charset=utf-8', documentPage(document)],
    '/page.js': ['text/javascript; charset=utf-8', script],
    '/page.css': ['text/css; charset=utf-8', style],
    '/openapi.json': ['application/json; charset=utf-8', JSON.stringify(document)],
  } as const
  for (const [url, [type, body]] of Object.entries(files)) {
    app.get(url, { config: { open: true } }, async (_, reply) => {
      reply.headers({ 'content-security-policy': policy, 'referrer-policy': 'no-referrer' })
      reply.type(type)
      return body
    })
  }
}
