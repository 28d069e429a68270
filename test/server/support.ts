/** Servers for tests: on any free port, with a small model, a detector that needs no weights, and a log that is kept. */
import { Writable } from 'node:stream'
import sharp from 'sharp'
import { type FaceService, Faces } from '../../lib/server/faces.js'
import type { KnownFaces } from '../../lib/server/gallery.js'
import { loadPackages } from '../../lib/server/packages.js'
import { Server } from '../../lib/server/server.js'
import { defaultSettings, type ServerSettings } from '../../lib/server/settings.js'
import { openSmall } from '../api/support.js'
import { fakeDetector } from '../images/fake_detector.js'

export const template = 'dlib'
export const info = {
  model: 'small',
  fingerprint: 'f',
  dimensions: 128,
  threshold: 0.5,
  preparation: {},
  gallery: null,
  version: '0.0.0',
}

export interface Started extends AsyncDisposable {
  address: string
  server: Server
  /** Lines of the log. */
  log: string[]
  post(path: string, body: RequestInit['body'], headers?: Record<string, string>): Promise<Response>
}

/** A server of any service. */
export async function startServer(
  faces: FaceService,
  settings: Partial<ServerSettings> = {},
  known: Partial<typeof info> | { gallery: number } = {},
  gallery?: KnownFaces,
): Promise<Started> {
  const server = new Server(await loadPackages())
  const log: string[] = []
  const to = new Writable({
    write(chunk, _, done) {
      log.push(...String(chunk).trim().split('\n'))
      done()
    },
  })
  const all = { ...defaultSettings, port: 0, ...settings }
  const address = await server.start({ faces, gallery, info: { ...info, ...known }, settings: all, log: to })
  return {
    address,
    server,
    log,
    post: (path, body, headers = {}) => fetch(`${address}${path}`, { method: 'POST', body, headers }),
    [Symbol.asyncDispose]: () => server.stop(1000),
  }
}

/** The small model behind it, with `fakeDetector`. */
export async function startSmall(
  settings: Partial<ServerSettings> = {},
  gallery?: KnownFaces,
): Promise<Started & { model: Awaited<ReturnType<typeof openSmall>> }> {
  const model = await openSmall({ batching: {}, threads: 1 })
  const all = { ...defaultSettings, ...settings }
  const detector = fakeDetector()
  const faces = new Faces({ model, detector, how: {}, threshold: info.threshold, gallery, settings: all })
  const { fingerprint } = model
  const started = await startServer(faces, settings, { fingerprint, gallery: gallery?.rows ?? null } as object, gallery)
  return {
    ...started,
    model,
    async [Symbol.asyncDispose]() {
      await started.server.stop(1000)
      await model.close()
    },
  }
}

const colours = { red: '#f00', green: '#0f0', blue: '#00f' }

/** Squares that `fakeDetector` takes for faces, of the given sides, side by side on grey. */
export function photograph(
  faces: Partial<Record<keyof typeof colours, number>>,
  kind: 'png' | 'jpeg' = 'png',
): Promise<Buffer> {
  const create = { width: 330, height: 120, channels: 3 as const, background: '#888' }
  const squares = Object.entries(faces).map(([colour, side], i) => ({
    input: { create: { width: side, height: side, channels: 3 as const, background: colours[colour as 'red'] } },
    left: 5 + 110 * i,
    top: 9,
  }))
  return sharp({ create }).composite(squares)[kind]().toBuffer()
}

export const errorOf = async (response: Response) =>
  ((await response.json()) as { error: { code: string; message: string; requestId: string } }).error
