/** What Prometheus is told. */
import type { Registry } from 'prom-client'
import type { Packages } from './packages.js'

export interface Metrics {
  registry: Registry
  /** A request was answered, or its client left (499). */
  answered(route: string, status: number, seconds: number): void
  /** Faces that were found. */
  faces(count: number): void
  /** A batch of so many images began. */
  batch(network: 'detect' | 'embed', images: number): void
}

export function createMetrics(
  { Registry, Counter, Gauge, Histogram, collectDefaultMetrics }: Packages['metrics'],
  underWay: () => number,
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  // Node.js counts the time from one look at the event loop to the next as its delay: 10 ms would be the least that is seen.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 1 })
  const requests = new Counter({
    name: 'facenet_requests_total',
    help: 'Requests that were answered, by route and status; 499: the client left.',
    labelNames: ['route', 'status'],
    registers,
  })
  const seconds = new Histogram({
    name: 'facenet_request_seconds',
    help: 'From the head of a request to the end of its answer.',
    labelNames: ['route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  const faces = new Counter({ name: 'facenet_faces_total', help: 'Faces that were found.', registers })
  const batches = new Histogram({
    name: 'facenet_batch_images',
    help: 'Images of a batch, by network.',
    labelNames: ['network'],
    buckets: [1, 2, 4, 8, 16, 32, 64],
    registers,
  })
  new Gauge({
    name: 'facenet_requests_under_way',
    help: 'Requests that are read or answered.',
    registers,
    collect() {
      this.set(underWay())
    },
  })
  return {
    registry,
    answered(route, status, took) {
      requests.inc({ route, status: `${status}` })
      seconds.observe({ route }, took)
    },
    faces: (count) => faces.inc(count),
    batch: (network, images) => batches.observe({ network }, images),
  }
}
