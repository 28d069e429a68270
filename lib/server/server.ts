/** A server: its parts put together, its beginning and its end. */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { FaceService } from './faces.js'
import type { KnownFaces } from './gallery.js'
import { addGalleryRoutes } from './gallery_routes.js'
import { createMetrics, type Metrics } from './metrics.js'
import { openApi } from './open_api.js'
import type { Packages } from './packages.js'
import { addPages } from './page/pages.js'
import { readImageBodies } from './request_images.js'
import { handleRequests, refuseConnection, UnderWay } from './requests.js'
import { addRoutes, type ServerInfo } from './routes.js'
import type { ServerSettings } from './settings.js'

/** What a server is made of. */
export interface ServerParts {
  faces: FaceService
  /** Where faces are looked for. */
  gallery?: KnownFaces
  info: ServerInfo
  settings: ServerSettings
  /** Where its log goes, a line of JSON each; undefined: nowhere. */
  log?: Writable
}

export class Server {
  readonly metrics: Metrics
  readonly #state = new UnderWay()
  #app: FastifyInstance | undefined
  #stopping: Promise<void> | undefined

  constructor(private readonly packages: Packages) {
    this.metrics = createMetrics(packages.metrics, () => this.#state.count)
  }

  /** Listens, and resolves to the address. */
  async start({ faces, gallery, info, settings, log }: ServerParts): Promise<string> {
    const { fastify, multipart, LogController } = this.packages
    // Every answer has one line, of `requests.ts`.
    const disableRequestLogging = true
    const { maxBodyBytes, requestTimeout } = settings
    const app = fastify({
      logger: log ? { level: 'info', stream: log, base: null } : false,
      ...(LogController ? { logController: new LogController({ disableRequestLogging }) } : { disableRequestLogging }),
      genReqId: () => randomUUID(),
      bodyLimit: maxBodyBytes,
      requestTimeout,
      keepAliveTimeout: 5_000,
      forceCloseConnections: 'idle',
      // Those who send slowly, or nothing, are looked for often enough to be found in time.
      http: {
        headersTimeout: Math.min(requestTimeout, 10_000),
        connectionsCheckingInterval: Math.min(requestTimeout, 2_000),
        maxHeaderSize: 16_384,
      },
      clientErrorHandler: refuseConnection,
      routerOptions: { maxParamLength: 100 },
      // An option that is not known is an error, not left out.
      ajv: { customOptions: { removeAdditional: false, coerceTypes: true, useDefaults: true } },
    }) as unknown as FastifyInstance
    this.#app = app
    app.server.maxConnections = settings.maxRequests * 4
    await app.register(multipart, {
      limits: { fileSize: maxBodyBytes, files: 2, fields: 1, parts: 3, headerPairs: 32 },
    })
    readImageBodies(app)
    handleRequests(app, settings, this.metrics, this.#state)
    addRoutes(app, faces, info, settings)
    if (gallery) addGalleryRoutes(app, faces, gallery)
    addPages(app, { info, needsKey: settings.apiKey !== undefined, document: openApi(info, settings, gallery) })
    this.#addHealth(app)
    if (settings.corsOrigins.length > 0)
      app.options('/*', { config: { open: true } }, (_, reply) => reply.code(204).send())
    await app.listen({ host: settings.host, port: settings.port })
    const { address, port, family } = app.server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  #addHealth(app: FastifyInstance): void {
    const config = { open: true }
    app.get('/healthz', { config }, async () => ({ status: 'alive' }))
    app.get('/readyz', { config }, async (_, reply) => {
      if (this.#state.stopping) reply.code(503)
      return { status: this.#state.stopping ? 'stopping' : 'ready' }
    })
    app.get('/metrics', async (_, reply) => {
      reply.type(this.metrics.registry.contentType)
      return this.metrics.registry.metrics()
    })
  }

  /** Answers what was accepted, refuses what comes, and resolves when all is answered or `drainTimeout` is over. */
  stop(drainTimeout: number): Promise<void> {
    this.#state.stopping = true
    this.#stopping ??= this.#drain(drainTimeout)
    return this.#stopping
  }

  async #drain(drainTimeout: number): Promise<void> {
    const app = this.#app
    if (!app) return
    const late = setTimeout(() => app.server.closeAllConnections(), drainTimeout)
    try {
      await app.close()
    } finally {
      clearTimeout(late)
      this.metrics.registry.clear()
    }
  }
}
