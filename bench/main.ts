/**
 * What `npm run bench` runs.
 *
 *     npm run bench                          networks, then detection
 *     npm run bench -- <part> [options]      one of networks, ops, detection, mining, search, clustering, training, copies, memory,
 *                                        latency, batching, serve, rounds, with its own options
 *     npm run bench -- [options]             networks with these options
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const parts: Readonly<Record<string, string>> = {
  networks: 'run.ts',
  ops: 'ops.ts',
  detection: 'detection.ts',
  mining: 'mining.ts',
  search: 'search.ts',
  clustering: 'clustering.ts',
  training: 'training.ts',
  copies: 'copies.ts',
  memory: 'memory.ts',
  latency: 'latency.ts',
  batching: 'batching.ts',
  serve: 'serve.ts',
  rounds: 'rounds.ts',
}

const [first, ...rest] = process.argv.slice(2)
const named = first !== undefined && Object.hasOwn(parts, first)
const chosen = named ? [first] : first === undefined ? ['networks', 'detection'] : ['networks']

for (const part of chosen) {
  const script = fileURLToPath(new URL(parts[part]!, import.meta.url))
  const options = named ? rest : process.argv.slice(2)
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', script, ...options], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
