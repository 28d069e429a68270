/**
 * `npm run bench -- rounds <images...>`: whether embedding keeps its speed and its memory over many rounds of the same images.
 *
 *     npm run bench -- rounds lfw.tar [--model m.safetensors] [--align none|center|points|detect] [--rounds 5] [--threads 2] [--json]
 *
 * Prints a line a round: images a second, shares of the stages, and the memory of the process after a collection where Node has
 * `--expose-gc`. Ends with 1 where the last round holds more than `--most` MB (32) beyond the second, the first being that in which
 * caches and arenas are made.
 */
import { parseArgs } from 'node:util'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { openDetector, openModel, type StageShares } from '../lib/index.js'
import { positiveInteger } from './options.js'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'dlib' },
    align: { type: 'string', default: 'none' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    most: { type: 'string', default: '32' },
    json: { type: 'boolean', default: false },
  },
})
const [rounds, threads, most] = ['rounds', 'threads', 'most'].map((name) => positiveInteger(options, name)) as [
  number,
  number,
  number,
]
if (positionals.length === 0) throw new Error('usage: npm run bench -- rounds <images...>')

const megabytes = (bytes: number) => bytes / 2 ** 20
const model = await openModel(options.model, { device: 'cpu', threads })
const align = options.align as 'none' | 'center' | 'points' | 'detect'
const detector = align === 'detect' ? await openDetector('face-api', { device: 'cpu', threads }) : undefined
if (!options.json) console.log(`${printMachine(describeMachine())}, load ${load().toFixed(1)}; ${model.name}, ${align}`)
const held: number[] = []
for (let round = 1; round <= rounds; round++) {
  const start = performance.now()
  let [faces, failed, stages]: [number, number, StageShares] = [0, 0, {}]
  const rows = model.embedStream(positionals, {
    align,
    ...(detector && { detector }),
    onError: () => {
      failed++
    },
    onProgress: (_, shares) => {
      stages = shares
    },
  })
  for await (const _ of rows) faces++
  const seconds = (performance.now() - start) / 1000
  globalThis.gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  held.push(rss)
  const memory = { rss: megabytes(rss), heapUsed: megabytes(heapUsed), external: megabytes(external) }
  const line = { round, faces, failed, perSecond: faces / seconds, stages, memory }
  if (options.json) console.log(JSON.stringify(line))
  else {
    const shares = Object.entries(stages).map(([name, share]) => `${name} ${(100 * share).toFixed(0)} %`)
    const parts = Object.entries(memory).map(([name, value]) => `${name} ${value.toFixed(0)} MB`)
    console.log(
      `${round}: ${line.perSecond.toFixed(0)} a second, ${failed} failed; ${shares.join(', ')}; ${parts.join(', ')}`,
    )
  }
}
await Promise.all([model.close(), detector?.close()])
const grown = megabytes(held.at(-1)! - held[Math.min(1, held.length - 1)]!)
if (!options.json) console.log(`${grown.toFixed(0)} MB more than after the second round`)
if (grown > most) process.exitCode = 1
