/**
 * Exact search against the same in plain JavaScript and, where a Python has it, in PyTorch.
 *
 *     npm run bench -- search [--rows 1000000] [--queries 1000] [--dimensions 128] [--k 10] [--rounds 5] [--python python3]
 *
 * Writes `bench/results/search-<date>.md` and prints it. Plain JavaScript and PyTorch answer
 * fewer queries, as each takes them long.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { l2Normalize, nearestNeighbors } from '../lib/index.js'
import { describeMachine, load, printMachine } from './machine.js'
import { median } from './measure.js'
import { positiveInteger } from './options.js'

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    queries: { type: 'string', default: '1000' },
    dimensions: { type: 'string', default: '128' },
    k: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: 'python3' },
  },
})

const count = (name: Exclude<keyof typeof options, 'python'>) => positiveInteger(options, name)
const [m, n, dimensions, k, rounds] = [
  count('rows'),
  count('queries'),
  count('dimensions'),
  count('k'),
  count('rounds'),
]
const plainQueries = Math.min(n, 10)
const torchQueries = Math.min(n, 100)
const threadCounts = [...new Set([1, availableParallelism()])]

interface Figure {
  who: string
  threads: number
  queriesPerSecond: number
  /** Share of the rows we found, where it is another's. */
  same?: number
}

/** Directions that are all alike likely: sums of four uniform numbers are near enough to normal ones. */
function directions(rows: number, seed: number): Promise<Float32Array> {
  let state = seed
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 0) / 2 ** 32 - 0.5
  }
  const x = new Float32Array(rows * dimensions)
  for (let i = 0; i < x.length; i++) x[i] = uniform() + uniform() + uniform() + uniform()
  return l2Normalize(x, { dimensions })
}

/** As one would write it in JavaScript: each distance, and a sorted list of the k least. */
function plainSearch(queries: Float32Array, gallery: Float32Array): Int32Array {
  const indices = new Int32Array((queries.length / dimensions) * k)
  const best = new Float64Array(k)
  for (let query = 0; query * dimensions < queries.length; query++) {
    best.fill(Infinity)
    for (let row = 0; row < m; row++) {
      let distance = 0
      for (let i = 0; i < dimensions; i++) {
        const difference = queries[query * dimensions + i]! - gallery[row * dimensions + i]!
        distance += difference * difference
      }
      if (distance >= best[k - 1]!) continue
      let place = k - 1
      for (; place > 0 && distance < best[place - 1]!; place--) {
        best[place] = best[place - 1]!
        indices[query * k + place] = indices[query * k + place - 1]!
      }
      best[place] = distance
      indices[query * k + place] = row
    }
  }
  return indices
}

/** Share of our rows that another found as well, whatever their order. */
function agreement(ours: Int32Array, theirs: ArrayLike<number>): number {
  let same = 0
  for (let at = 0; at < theirs.length; at += k) {
    const found = new Set(ours.subarray(at, at + k))
    for (let i = at; i < at + k; i++) same += found.has(theirs[i]!) ? 1 : 0
  }
  return same / theirs.length
}

/** Null, with a line that says why, where this Python has no PyTorch. */
async function torchSearch(files: [string, string], threads: number, ours: Int32Array): Promise<Figure | null> {
  const script = fileURLToPath(new URL('./peers/torch_search.py', import.meta.url))
  const numbers = { dimensions, k, threads, rounds: Math.min(rounds, 3) }
  const args = [script, ...files, ...Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, `${value}`])]
  try {
    const { stdout } = await promisify(execFile)(options.python, args, {
      maxBuffer: 2 ** 28,
      env: { ...process.env, OMP_NUM_THREADS: `${threads}` },
    })
    const { torch, block, seconds, indices } = JSON.parse(stdout)
    const who = `PyTorch ${torch}, ${block} rows a block`
    return { who, threads, queriesPerSecond: torchQueries / seconds, same: agreement(ours, indices) }
  } catch (error) {
    console.error(
      `without PyTorch: ${String((error as { stderr?: string }).stderr || error)
        .trim()
        .split('\n')
        .at(-1)}`,
    )
    return null
  }
}

const [gallery, queries] = await Promise.all([directions(m, 1), directions(n, 2)])
const figures: Figure[] = []
let indices: Int32Array = new Int32Array(0)
const times = new Map(threadCounts.map((threads) => [threads, [] as number[]]))
for (let round = -1; round < rounds; round++) {
  for (const threads of threadCounts) {
    const start = performance.now()
    ;({ indices } = await nearestNeighbors(queries, gallery, { dimensions, k, threads, device: 'cpu' }))
    if (round >= 0) times.get(threads)!.push(performance.now() - start) // the first round warms up
  }
}
for (const [threads, list] of times) figures.push({ who: 'ours', threads, queriesPerSecond: n / (median(list) / 1000) })
const loadThen = load()

const start = performance.now()
const plain = plainSearch(queries.subarray(0, plainQueries * dimensions), gallery)
const perSecond = plainQueries / ((performance.now() - start) / 1000)
const plainSame = agreement(indices, plain)
figures.push({ who: 'plain JavaScript', threads: 1, queriesPerSecond: perSecond, same: plainSame })

const temporary = await mkdtemp(join(tmpdir(), 'facenet-search-'))
try {
  const files: [string, string] = [join(temporary, 'gallery.f32'), join(temporary, 'queries.f32')]
  await Promise.all([writeFile(files[0], gallery), writeFile(files[1], queries.subarray(0, torchQueries * dimensions))])
  for (const threads of threadCounts) {
    const figure = await torchSearch(files, threads, indices)
    if (figure) figures.push(figure)
  }
} finally {
  await rm(temporary, { recursive: true })
}

const date = new Date().toISOString()
const report = [
  `The exact ${k} nearest of ${m} unit-length rows of ${dimensions} floats for ${n} queries; medians of ${rounds} rounds, ${date}.`,
  `${printMachine(describeMachine())}, load ${loadThen.toFixed(1)}.`,
  `Our times hold everything from the call to the arrays it resolves to: checks of the arguments, threads. Plain JavaScript answers ${plainQueries} queries, PyTorch ${torchQueries}.`,
  'Others sum in another order, so where two rows are at nearly one distance they may choose the other.',
  '',
  '| who | threads | queries/s | G multiply-adds/s | of our rows |',
  '| --- | --- | --- | --- | --- |',
  ...figures.map(({ who, threads, queriesPerSecond, same }) => {
    const products = (queriesPerSecond * m * dimensions) / 1e9
    const shared = same === undefined ? '' : `${(same * 100).toFixed(2)} %`
    return `| ${who} | ${threads} | ${queriesPerSecond.toFixed(1)} | ${products.toFixed(1)} | ${shared} |`
  }),
  '',
].join('\n')
const folder = fileURLToPath(new URL('./results', import.meta.url))
await mkdir(folder, { recursive: true })
await writeFile(join(folder, `search-${date.slice(0, 10)}.md`), report)
console.log(report)
