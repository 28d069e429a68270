/**
 * The routes of a gallery: its people, and, with `--writable`, adding, naming and removing faces. What was answered is on the disk.
 */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { FaceNetError } from '../errors.js'
import type { FaceChoice } from '../images/index.js'
import type { FaceService } from './faces.js'
import type { GalleryEditor, KnownFaces } from './gallery.js'
import { HttpProblem } from './problems.js'
import { oneImage } from './request_images.js'

const idText = {
  type: 'string',
  minLength: 1,
  maxLength: 512,
  description: 'What a face is called.',
} as const
const personName = { type: 'string', minLength: 1, maxLength: 200 } as const
const query = (properties: Record<string, object>, required: string[] = []): FastifySchema => ({
  querystring: { type: 'object', additionalProperties: false, properties, required },
})

/** The options of each route, in the address; and the body of `label`. */
export const gallerySchemas = {
  people: query({ hidden: { type: 'boolean', default: false, description: 'Hidden people too.' } }),
  add: query({
    faces: {
      type: 'string',
      enum: ['largest', 'one', 'all'],
      default: 'one',
      description: 'Which faces of the photograph are added; one: it has to be the only one.',
    },
    id: {
      ...idText,
      description: 'What the face is called; of all faces, followed by #0, #1, ... Left out: a random id.',
    },
    person: { ...personName, description: 'Whose face it is: a name, new or known, or as person-12.' },
  }),
  label: {
    ...query({ id: idText }, ['id']),
    body: {
      type: 'object',
      additionalProperties: false,
      properties: { person: { ...personName, type: ['string', 'null'] } },
      required: ['person'],
    },
  },
  remove: query({
    id: { ...idText, description: 'The face.' },
    person: { ...personName, description: 'Instead of a face: all faces of a person.' },
  }),
} satisfies Record<string, FastifySchema>

interface Adding {
  Querystring: { faces: FaceChoice; id?: string; person?: string }
}
interface Labelling {
  Querystring: { id: string }
  Body: { person: string | null }
}
interface Removing {
  Querystring: { id?: string; person?: string }
}

export function addGalleryRoutes(app: FastifyInstance, faces: FaceService, { people, editor }: KnownFaces): void {
  const config = { work: true }
  if (people) {
    app.get<{ Querystring: { hidden: boolean } }>(
      '/v1/gallery/people',
      { config, schema: gallerySchemas.people },
      async (request) => ({ people: await people(request.query.hidden) }),
    )
  }
  if (editor) addWritingRoutes(app, faces, editor)
}

function addWritingRoutes(app: FastifyInstance, faces: FaceService, editor: GalleryEditor): void {
  const config = { work: true }
  app.post<Adding>('/v1/gallery/faces', { config, schema: gallerySchemas.add }, async (request, reply) => {
    const { faces: which, id = randomUUID(), person } = request.query
    const rows = await faces.embed(await oneImage(request), which, request.gone)
    request.faceCount = rows.length
    // Nobody is there any more to be told of it.
    if (request.gone.aborted) throw new HttpProblem(499, 'ERR_FACENET_ABORTED', 'The client left')
    const named = rows.map((row, i) => ({ ...row, id: which === 'all' ? `${id}#${i}` : id, person }))
    await told(() => editor.add(named))
    reply.code(201)
    return { faces: named.map(({ id, face }) => ({ id, person: person ?? null, ...(face && { box: face.box }) })) }
  })

  app.patch<Labelling>('/v1/gallery/faces', { config, schema: gallerySchemas.label }, async (request) => {
    const { id } = request.query
    const { person } = request.body
    if (!(await editor.has(id))) throw noSuchFace
    await told(() => editor.label(id, person))
    return { id, person }
  })

  app.delete<Removing>('/v1/gallery/faces', { config, schema: gallerySchemas.remove }, async (request) => {
    const { id, person } = request.query
    if ((id === undefined) === (person === undefined)) {
      throw new HttpProblem(400, 'ERR_FACENET_INVALID_ARGUMENT', 'Expected id or person, one of the two')
    }
    if (id !== undefined && !(await editor.has(id))) throw noSuchFace
    const removed = await told(() => editor.remove(id === undefined ? { person: person! } : id))
    if (removed === 0) throw noSuchFace
    return { removed }
  })
}

const noSuchFace = new HttpProblem(404, 'ERR_HTTP_NOT_FOUND', 'The gallery has no such face')

/** What the gallery refuses of what a client asked for: a name that is taken or that nobody may have, a person who is not there. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof FaceNetError) || error.code !== 'ERR_FACENET_INVALID_ARGUMENT') throw error
    throw new HttpProblem(409, error.code, error.message)
  }
}
