/** What a server is told: where it listens, whom it answers, and how much it takes on. */

export interface ServerSettings {
  /** The address to listen on. */
  host: string
  /** 0: any that is free. */
  port: number
  /** What clients have to know; undefined: nothing. */
  apiKey?: string
  /** Origins of web pages that may read answers, as `https://example.org`. */
  corsOrigins: readonly string[]
  /** Bytes of a request's body. */
  maxBodyBytes: number
  /** Pixels of an image; more are refused before it is decoded. */
  maxPixels: number
  /** Pixels of the images that are decoded and looked at together; requests wait for each other above it. */
  maxPixelsTogether: number
  /** Faces of one image. */
  maxFaces: number
  /** Neighbours of a face that may be asked for. */
  maxNeighbors: number
  /** Requests that are read or answered at a time; one more is refused. */
  maxRequests: number
  /** Milliseconds in which a client has to have sent its request. */
  requestTimeout: number
  /** Milliseconds in which requests that were accepted are answered after the server was told to stop. */
  drainTimeout: number
}

export const defaultSettings: ServerSettings = {
  host: '127.0.0.1',
  port: 8080,
  corsOrigins: [],
  maxBodyBytes: 16 * 2 ** 20,
  maxPixels: 50_000_000,
  maxPixelsTogether: 200_000_000,
  maxFaces: 100,
  maxNeighbors: 128,
  maxRequests: 128,
  requestTimeout: 30_000,
  drainTimeout: 30_000,
}

/** Seconds after which a client may try again that was refused. */
export const retryAfter = 1

/** Whether an address is this machine's own, which nobody else reaches. */
export const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
