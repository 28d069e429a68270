/** One engine with one network of the tables in a process of its own. Its first argument is a `WorkerOptions` as JSON. */
import { fileURLToPath } from 'node:url'
import type { Engine, EngineOptions } from '../lib/benchmark/engine.js'
import { serveEngine } from '../lib/benchmark/worker.js'

export type WorkerOptions = Omit<EngineOptions, 'device'>

/** What a `Child` of these benchmarks runs. */
export const workerScript = fileURLToPath(import.meta.url)

async function open(options: WorkerOptions): Promise<Engine> {
  if (options.engine === 'facenet') return (await import('./engines/facenet.js')).openFaceNet(options)
  return (await import('./engines/onnxruntime.js')).openOnnxRuntime(options)
}

if (process.argv[1] === workerScript) {
  const options = JSON.parse(process.argv[2]!) as WorkerOptions
  serveEngine(() => open(options), options.batch)
}
