/**
 * The photographs of a request: as its body, as base64 in JSON, or as files of a form. They are bytes in memory whatever they are; a
 * client's text is never taken for a path or an address.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HttpProblem } from './problems.js'

/** Has whole bodies handed over as bytes where they are images. */
export function readImageBodies(app: FastifyInstance): void {
  app.removeContentTypeParser('text/plain')
  for (const type of [/^image\//, 'application/octet-stream'] as const) {
    app.addContentTypeParser(type as string, { parseAs: 'buffer' }, (_, body, done) => done(null, body))
  }
}

/** The only photograph of a request. */
export async function oneImage(request: FastifyRequest): Promise<Uint8Array> {
  if (Buffer.isBuffer(request.body)) return notEmpty(request.body)
  if (request.isMultipart()) return (await filesOf(request, 1))[0]!
  return fromBase64((request.body as { image?: unknown } | null)?.image, 'image')
}

/** The two photographs of a request. */
export async function twoImages(request: FastifyRequest): Promise<[Uint8Array, Uint8Array]> {
  if (Buffer.isBuffer(request.body)) {
    throw new HttpProblem(415, 'ERR_HTTP_MEDIA_TYPE', 'Two images are needed: send a form of two files, or JSON')
  }
  if (request.isMultipart()) return (await filesOf(request, 2)) as [Uint8Array, Uint8Array]
  const given = (request.body as { images?: unknown } | null)?.images
  if (!Array.isArray(given) || given.length !== 2) throw invalid('images', 'an array of two images in base64')
  return given.map((text, i) => fromBase64(text, `images[${i}]`)) as [Uint8Array, Uint8Array]
}

async function filesOf(request: FastifyRequest, count: number): Promise<Uint8Array[]> {
  const files: Uint8Array[] = []
  for await (const part of request.parts()) {
    if (part.type !== 'file') throw invalid('the form', 'files alone: options go into the address')
    files.push(notEmpty(await part.toBuffer()))
  }
  if (files.length !== count)
    throw invalid('the form', `${count === 1 ? 'one file' : 'two files'}, not ${files.length}`)
  return files
}

function fromBase64(text: unknown, name: string): Uint8Array {
  if (typeof text !== 'string' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    throw invalid(name, 'an image file in base64')
  }
  return Buffer.from(text, 'base64')
}

function notEmpty(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) throw invalid('the body', 'an image file, not nothing')
  return bytes
}

const invalid = (what: string, expected: string) =>
  new HttpProblem(400, 'ERR_FACENET_INVALID_ARGUMENT', `Expected ${expected}, for ${what}`)
