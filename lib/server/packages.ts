/**
 * The packages that a server needs and nothing else does. They are optional peers: who embeds from code or on the command line
 * does not install them.
 */
import { FaceNetError } from '../errors.js'

/** What to install, in one command. */
const needed = ['fastify', '@fastify/multipart', 'prom-client']

export interface Packages {
  fastify: typeof import('fastify').fastify
  /** Older versions have none. */
  LogController?: typeof import('fastify').LogController
  multipart: typeof import('@fastify/multipart').fastifyMultipart
  metrics: typeof import('prom-client')
}

/** Throws ERR_FACENET_IO, which says the command, where one is not installed. */
export async function loadPackages(): Promise<Packages> {
  try {
    const [{ fastify, LogController }, { fastifyMultipart }, metrics] = await Promise.all([
      import('fastify'),
      import('@fastify/multipart'),
      import('prom-client'),
    ])
    return { fastify, LogController, multipart: fastifyMultipart, metrics }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause
    const [argument, expected] = ['serve', `the packages ${needed.join(', ')}`]
    const message = `Expected ${expected}, which serve needs, but one is not installed: npm install ${needed.join(' ')}`
    throw new FaceNetError('ERR_FACENET_IO', message, {
      argument,
      expected,
      received: 'one that is not installed',
      cause,
    })
  }
}
