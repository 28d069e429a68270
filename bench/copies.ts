/**
 * What it costs that calls copy the arrays they are given (`native/binding/arrays.h`): the same call on an ArrayBuffer, which is
 * copied, and on a SharedArrayBuffer, which is not.
 *
 *     npm run bench -- copies [--rows 100000] [--dimensions 128] [--images 32] [--rounds 9]
 *
 * Writes `bench/results/copies-<date>.md` and prints it.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { median } from '../lib/benchmark/statistics.js'
import { networks } from '../lib/convert/networks/index.js'
import { initialWeights } from '../lib/convert/networks/initialize.js'
import { l2Normalize, nearestNeighbors, openModel, pairwiseDistances } from '../lib/index.js'
import { ownFloats } from '../lib/native/own.js'
import { positiveInteger } from './options.js'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    dimensions: { type: 'string', default: '128' },
    images: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '9' },
  },
})
const [rows, dimensions, images, rounds] = (['rows', 'dimensions', 'images', 'rounds'] as const).map((name) =>
  positiveInteger(values, name),
) as [number, number, number, number]

const gallery = Float32Array.from({ length: rows * dimensions }, (_, i) => ((i * 2654435761) % 1000) / 1000)
const shared = ownFloats(gallery)
const few = (x: Float32Array, count: number) => x.subarray(0, Math.min(rows, count) * dimensions)
const graph = networks.nn4.graph()
await using model = await openModel({ graph, tensors: initialWeights(graph, 1) })
const pixels = new Uint8Array(images * model.inputSize.height * model.inputSize.width * 3).fill(100)
const sharedPixels = new Uint8Array(new SharedArrayBuffer(pixels.length))
sharedPixels.set(pixels)

/** Each with what it is given: copied, then in place. */
const calls: [name: string, bytes: number, copied: () => Promise<unknown>, inPlace: () => Promise<unknown>][] = [
  [
    `embed, ${images} images by ${model.name}`,
    pixels.byteLength,
    () => model.embed(pixels),
    () => model.embed(sharedPixels),
  ],
  ...[1, 100].map((queries): (typeof calls)[number] => [
    `nearestNeighbors, ${queries} of ${rows} rows`,
    gallery.byteLength,
    () => nearestNeighbors(few(gallery, queries), gallery, { dimensions, device: 'cpu' }),
    () => nearestNeighbors(few(shared, queries), shared, { dimensions, device: 'cpu' }),
  ]),
  [
    'pairwiseDistances, 1000 x 1000 rows',
    few(gallery, 1000).byteLength,
    () => pairwiseDistances(few(gallery, 1000), { dimensions, device: 'cpu' }),
    () => pairwiseDistances(few(shared, 1000), { dimensions, device: 'cpu' }),
  ],
  [
    `l2Normalize, ${rows} rows`,
    gallery.byteLength,
    () => l2Normalize(gallery, { dimensions, device: 'cpu' }),
    () => l2Normalize(shared, { dimensions, device: 'cpu' }),
  ],
]

interface Times {
  /** The event loop waits for it: until the call has returned its promise. */
  synchronous: number
  whole: number
}

async function time(call: () => Promise<unknown>): Promise<Times> {
  const start = performance.now()
  const promise = call()
  const synchronous = performance.now() - start
  await promise
  return { synchronous, whole: performance.now() - start }
}

const lines: string[] = []
for (const [name, bytes, ...ways] of calls) {
  const times: Times[][] = [[], []]
  for (let round = -1; round < rounds; round++) {
    for (const [i, call] of ways.entries()) {
      const measured = await time(call)
      if (round >= 0) times[i]!.push(measured) // the first round warms up
    }
  }
  const of = (i: number, which: keyof Times) => median(times[i]!.map((measured) => measured[which]))
  const columns = [
    (bytes / 2 ** 20).toFixed(1),
    ...[0, 1].map((i) => of(i, 'synchronous').toFixed(2)),
    ...[0, 1].map((i) => of(i, 'whole').toFixed(2)),
    (of(0, 'whole') / of(1, 'whole')).toFixed(2),
  ]
  lines.push(`| ${[name, ...columns].join(' | ')} |`)
}

const date = new Date().toISOString()
const report = [
  `Calls on arrays that are copied, and on a SharedArrayBuffer, which is read in place; medians of ${rounds} rounds, ${date}.`,
  `${printMachine(describeMachine())}, load ${load().toFixed(1)}.`,
  'Synchronous: what the event loop waits for, checks of the values included.',
  '',
  '| call | MiB given | copied: synchronous ms | in place: synchronous ms | copied: ms | in place: ms | ratio |',
  '| --- | --- | --- | --- | --- | --- | --- |',
  ...lines,
  '',
].join('\n')
const folder = fileURLToPath(new URL('./results', import.meta.url))
await mkdir(folder, { recursive: true })
await writeFile(join(folder, `copies-${date.slice(0, 10)}.md`), report)
console.log(report)
