/** The description of the routes for programs (OpenAPI 3.1), made of the tables that requests are checked by. */
import type { FastifySchema } from 'fastify'
import type { KnownFaces } from './gallery.js'
import { gallerySchemas } from './gallery_routes.js'
import { type ServerInfo, schemas } from './routes.js'
import type { ServerSettings } from './settings.js'

const object = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
})
const number = { type: 'number' }
const text = { type: 'string' }
const numbers = (description: string) => ({ type: 'array', items: number, description })
const nullable = (type: string, description: string) => ({ type: [type, 'null'], description })

const face = {
  box: {
    ...object({ x: number, y: number, width: number, height: number }),
    description: 'Pixels of the image as displayed.',
  },
  score: { ...number, description: 'How sure the detector is, 0..1.' },
  points: { type: 'array', items: object({ x: number, y: number }), description: 'Eyes, nose, corners of the mouth.' },
}
/** Of whole images there is none of it. */
const someFace = (more: Record<string, object> = {}) => object({ ...face, ...more }, Object.keys(more))
const list = (items: object) => ({ type: 'array', items })
const threshold = nullable('number', 'Squared L2 distance below which two faces count as one person.')
const neighbor = object(
  {
    path: text,
    person: nullable('string', 'Whose face it is, where the gallery knows people.'),
    distance: { ...number, description: 'Squared L2.' },
  },
  ['path', 'distance'],
)

const image = { ...text, contentEncoding: 'base64' }
const file = { type: 'string', contentMediaType: 'application/octet-stream' }
const one = {
  'image/*': { schema: file },
  'multipart/form-data': { schema: object({ image: file }) },
  'application/json': { schema: object({ image }) },
}
const two = {
  'multipart/form-data': { schema: object({ a: file, b: file }) },
  'application/json': { schema: object({ images: { type: 'array', items: image, minItems: 2, maxItems: 2 } }) },
}

const person = object({
  person: { ...text, description: 'The name, or person-12.' },
  number,
  name: nullable('string', 'Null where nobody has given one.'),
  faces: number,
  locked: { type: 'boolean' },
  hidden: { type: 'boolean' },
})

const problem = object({ error: object({ code: text, message: text, requestId: text }) })
const problems: Readonly<Record<string, string>> = {
  400: 'The request is wrong; code ERR_FACENET_INVALID_ARGUMENT or ERR_HTTP_BAD_REQUEST',
  401: 'The API key is missing or wrong',
  403: 'A web page of another origin',
  404: 'There is nothing at this address, or no such face',
  409: 'The gallery refuses it: an id or a name that is taken, or a person who is not there',
  413: 'The body is too large',
  415: 'The content type is none of those that are read',
  422: 'The image cannot be used (ERR_FACENET_IMAGE_INVALID), or has no face or too many (ERR_FACENET_FACE_COUNT)',
  503: 'Too much to do, or about to stop; Retry-After says when to try again',
}

/** The document. */
export function openApi(
  info: ServerInfo,
  settings: ServerSettings,
  gallery?: Pick<KnownFaces, 'people' | 'editor'>,
): object {
  const post = (summary: string, content: object, answer: object, schema: FastifySchema) => ({
    post: {
      summary,
      parameters: parametersOf(schema),
      requestBody: { required: true, content },
      responses: { 200: { description: 'Done', content: json(answer) }, ...problemAnswers },
    },
  })
  const verdict = {
    distance: number,
    threshold,
    same: nullable('boolean', 'Null where no threshold is known.'),
    probability: nullable('object', 'Null where nobody measured it for this model.'),
    faces: list(someFace()),
  }
  const match = nullable('string', 'The nearest one below the threshold.')
  return {
    openapi: '3.1.0',
    info: { title: 'facenet-native', version: info.version, description: 'Faces to embeddings, by HTTP.' },
    ...(settings.apiKey !== undefined && {
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    }),
    paths: {
      '/v1/info': {
        get: { summary: 'The model, its threshold and the gallery.', responses: { 200: { description: 'Done' } } },
      },
      '/v1/detect': post('The faces of a photograph.', one, object({ faces: list(object(face)) }), schemas.detect),
      '/v1/embed': post(
        'The embeddings of the faces of a photograph, the largest face first.',
        one,
        object({
          fingerprint: { ...text, description: 'Embeddings of equal fingerprints can be compared.' },
          preparation: { type: 'object', description: 'How the faces were cut out.' },
          faces: list(someFace({ embedding: numbers(`${info.dimensions} numbers`) })),
        }),
        schemas.embed,
      ),
      '/v1/verify': post('Whether two photographs show one person.', two, object(verdict), schemas.verify),
      ...(info.gallery !== null && {
        '/v1/search': post(
          'Who of the gallery is nearest to each face of a photograph.',
          one,
          object({ threshold, faces: list(someFace({ neighbors: list(neighbor), match })) }),
          schemas.search(settings),
        ),
      }),
      ...(gallery?.people && {
        '/v1/gallery/people': {
          get: {
            summary: 'Who is in the gallery.',
            parameters: parametersOf(gallerySchemas.people),
            responses: {
              200: { description: 'Done', content: json(object({ people: list(person) })) },
              ...problemAnswers,
            },
          },
        },
      }),
      ...(gallery?.editor && { '/v1/gallery/faces': editing }),
    },
  }
}

const json = (schema: object) => ({ 'application/json': { schema } })

const problemAnswers = Object.fromEntries(
  Object.entries(problems).map(([status, description]) => [status, { description, content: json(problem) }]),
)

/** What a gallery that may be written takes. */
const editing = {
  post: {
    summary: 'Adds the faces of a photograph, all or none; answered once they are on the disk.',
    parameters: parametersOf(gallerySchemas.add),
    requestBody: { required: true, content: one },
    responses: {
      201: {
        description: 'Added',
        content: json(object({ faces: list(object({ id: text, person: nullable('string', 'Whose it is.') })) })),
      },
      ...problemAnswers,
    },
  },
  patch: {
    summary: 'Says whose a face is.',
    parameters: parametersOf(gallerySchemas.label),
    requestBody: { required: true, content: json(gallerySchemas.label.body) },
    responses: {
      200: {
        description: 'Done',
        content: json(object({ id: text, person: nullable('string', 'Whose it is.') })),
      },
      ...problemAnswers,
    },
  },
  delete: {
    summary: 'Removes a face, or all faces of a person.',
    parameters: parametersOf(gallerySchemas.remove),
    responses: { 200: { description: 'Done', content: json(object({ removed: number })) }, ...problemAnswers },
  },
}

function parametersOf({ querystring }: FastifySchema): object[] {
  const { properties } = querystring as { properties: Record<string, { description: string }> }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    description,
    schema,
  }))
}
