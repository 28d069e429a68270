/** The routes, and what each takes and gives: requests are checked by these tables, and the description for clients is made of them. */
import type { FastifyInstance, FastifySchema } from 'fastify'
import type { DetectedFace } from '../detection/types.js'
import type { FaceChoice } from '../images/index.js'
import type { FaceRow, FaceService } from './faces.js'
import { HttpProblem } from './problems.js'
import { oneImage, twoImages } from './request_images.js'
import type { ServerSettings } from './settings.js'

/** What clients may know of a server. */
export interface ServerInfo {
  model: string
  fingerprint: string
  dimensions: number
  /** Squared L2 below which two faces count as one person. */
  threshold: number | null
  preparation: object
  /** Faces of the gallery; null: there is none. */
  gallery: number | null
  version: string
}

const query = (properties: Record<string, object>): FastifySchema => ({
  querystring: { type: 'object', additionalProperties: false, properties },
})
const choice = (values: readonly FaceChoice[], usual: FaceChoice) => ({
  faces: { type: 'string', enum: values, default: usual, description: 'Which faces of a photograph are used.' },
})

/** The options of each route, in the address. */
export const schemas = {
  detect: query({}),
  embed: query(choice(['all', 'largest', 'one'], 'all')),
  verify: query(choice(['largest', 'one'], 'largest')),
  search: (settings: Pick<ServerSettings, 'maxNeighbors'>) =>
    query({
      ...choice(['all', 'largest', 'one'], 'all'),
      k: {
        type: 'integer',
        minimum: 1,
        maximum: settings.maxNeighbors,
        default: Math.min(5, settings.maxNeighbors),
        description: 'Neighbours of each face.',
      },
    }),
}

export function addRoutes(app: FastifyInstance, faces: FaceService, info: ServerInfo, settings: ServerSettings): void {
  const config = { work: true }
  app.get('/v1/info', async () => info)

  app.post('/v1/detect', { config, schema: schemas.detect }, async (request) => {
    const found = await faces.detect(await oneImage(request), request.gone)
    request.faceCount = found.length
    return { faces: found.map(plain) }
  })

  app.post<Choosing>('/v1/embed', { config, schema: schemas.embed }, async (request) => {
    const rows = await faces.embed(await oneImage(request), request.query.faces, request.gone)
    request.faceCount = rows.length
    const { fingerprint, preparation } = info
    return {
      fingerprint,
      preparation,
      faces: rows.map((row) => ({ ...of(row), embedding: Array.from(row.embedding) })),
    }
  })

  app.post<Choosing>('/v1/verify', { config, schema: schemas.verify }, async (request) => {
    const images = await twoImages(request)
    const rows = await Promise.all(images.map((image) => faces.embed(image, request.query.faces, request.gone)))
    request.faceCount = 2
    const [a, b] = rows.map(([row]) => row!) as [FaceRow, FaceRow]
    return { ...(await faces.verify(a, b)), faces: [of(a), of(b)] }
  })

  app.post<Choosing & { Querystring: { k: number } }>(
    '/v1/search',
    { config, schema: schemas.search(settings) },
    async (request) => {
      if (info.gallery === null) throw new HttpProblem(404, 'ERR_HTTP_NOT_FOUND', 'This server has no gallery')
      const rows = await faces.embed(await oneImage(request), request.query.faces, request.gone)
      request.faceCount = rows.length
      const neighbors = await faces.search(rows, request.query.k, request.gone)
      const { threshold } = info
      return {
        threshold,
        faces: rows.map((row, i) => {
          const nearest = neighbors[i]![0]
          const isMatch = threshold !== null && nearest !== undefined && nearest.distance < threshold
          return { ...of(row), neighbors: neighbors[i], match: isMatch ? nearest.path : null }
        }),
      }
    },
  )
}

interface Choosing {
  Querystring: { faces: FaceChoice }
}

const of = ({ face }: FaceRow) => (face ? plain(face) : {})

/** Points as pairs. */
function plain({ box, score, points, turn }: DetectedFace) {
  const pairs = Array.from({ length: points.length / 2 }, (_, i) => ({ x: points[2 * i], y: points[2 * i + 1] }))
  return { box, score, points: pairs, ...(turn !== undefined && { turn }) }
}
