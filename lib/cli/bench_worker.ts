/** One engine with one model in a process of its own, for `facenet bench`. Its first argument is a `ModelEngineOptions` as JSON. */
import { type ModelEngineOptions, openEngine } from '../benchmark/engines.js'
import { serveEngine } from '../benchmark/worker.js'

const options = JSON.parse(process.argv[2]!) as ModelEngineOptions
serveEngine(() => openEngine(options), options.batch)
