/**
 * Exact search in turns with faiss, and against the same in plain JavaScript and in PyTorch, each where a Python has it.
 *
 *     npm run bench -- search [--rows 1000000] [--queries 1000] [--dimensions 128] [--k 10] [--rounds 5] [--python python3] [--root FOLDER]
 *
 * `--root` is a root that `bench/peers/debian_root.sh` made, whose Python is asked then. Writes `bench/results/search-<date>.md`
 * and prints it. Plain JavaScript and PyTorch answer fewer queries, as each takes them long.
 */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { median } from '../lib/benchmark/statistics.js'
import { indexEmbeddings, l2Normalize, nearestNeighbors } from '../lib/index.js'
import { positiveInteger } from './options.js'
import { type Peer, startPeer } from './peers/answering.js'

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    queries: { type: 'string', default: '1000' },
    dimensions: { type: 'string', default: '128' },
    k: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: 'python3' },
    root: { type: 'string' },
  },
})

const count = (name: Exclude<keyof typeof options, 'python' | 'root'>) => positiveInteger(options, name)
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

const batches = [...new Set([1, 10, 100, n])].filter((batch) => batch <= n)
const python = options.root ? ['chroot', options.root, options.python] : [options.python]
/** As that Python sees a file of this machine. */
const seen = (path: string) => (options.root ? `/tmp/${basename(join(path, '..'))}/${basename(path)}` : path)

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
async function torchSearch(
  script: string,
  files: [string, string],
  threads: number,
  ours: Int32Array,
): Promise<Figure | null> {
  const numbers = { dimensions, k, threads, rounds: Math.min(rounds, 3) }
  const args = [script, ...files, ...Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, `${value}`])]
  try {
    const { stdout } = await promisify(execFile)(python[0]!, [...python.slice(1), ...args], {
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
const index = await indexEmbeddings(gallery, { dimensions })
const temporary = await mkdtemp(join(options.root ? join(options.root, 'tmp') : tmpdir(), 'facenet-search-'))
try {
  const files = ['gallery.f32', 'queries.f32'].map((name) => join(temporary, name))
  await Promise.all([writeFile(files[0]!, gallery), writeFile(files[1]!, queries)])
  const scripts = ['faiss', 'torch'].map((who) => fileURLToPath(new URL(`./peers/${who}_search.py`, import.meta.url)))
  await Promise.all(scripts.map((script) => copyFile(script, join(temporary, basename(script)))))
  const [faissCopy, torchCopy] = scripts.map((script) => seen(join(temporary, basename(script))))
  const numbers = ['--dimensions', `${dimensions}`, '--k', `${k}`]
  const faiss: Faiss | undefined = await startPeer([...python, faissCopy!, ...files.map(seen), ...numbers], {
    OPENBLAS_CORETYPE: 'SkylakeX',
    OPENBLAS_NUM_THREADS: '1',
  })
  const { lines, indices } = await takeTurns(faiss)
  faiss?.close()
  const loadThen = load()
  await writeFile(files[1]!, queries.subarray(0, torchQueries * dimensions))
  const others = [plainFigure(indices)]
  for (const threads of threadCounts) {
    const figure = await torchSearch(torchCopy!, files.map(seen) as [string, string], threads, indices)
    if (figure) others.push(figure)
  }
  await report(lines, others, faiss?.hello.faiss, loadThen)
} finally {
  await rm(temporary, { recursive: true })
}

type Faiss = Peer<{ faiss: string }, { seconds: number; indices: number[] }>

interface Turn {
  threads: number
  batch: number
  /** Milliseconds: of the gallery as it is, of its index, of faiss. */
  rows: number[]
  indexed: number[]
  faiss: number[]
  /** Share of our rows that faiss found. */
  same?: number
}

/** One round of each after the other; the first warms up. */
async function takeTurns(faiss: Faiss | undefined): Promise<{ lines: Turn[]; indices: Int32Array }> {
  const lines = threadCounts.flatMap((threads) =>
    batches.map((batch): Turn => ({ threads, batch, rows: [], indexed: [], faiss: [] })),
  )
  let indices: Int32Array = new Int32Array(0)
  for (let round = -1; round < rounds; round++) {
    for (const line of lines) {
      const { threads, batch } = line
      const some = queries.subarray(0, batch * dimensions)
      const settings = { dimensions, k, threads, device: 'cpu' } as const
      let start = performance.now()
      const found = await nearestNeighbors(some, gallery, settings)
      const plain = performance.now() - start
      start = performance.now()
      ;({ indices } = await nearestNeighbors(some, index, settings))
      const indexed = performance.now() - start
      if (indices.some((row, i) => row !== found.indices[i])) throw new Error('the index finds other rows')
      const theirs = await faiss?.ask({ threads, queries: batch })
      if (theirs) line.same = agreement(indices, theirs.indices)
      if (round < 0) continue
      line.rows.push(plain)
      line.indexed.push(indexed)
      if (theirs) line.faiss.push(theirs.seconds * 1000)
    }
  }
  return { lines, indices }
}

function plainFigure(indices: Int32Array): Figure {
  const start = performance.now()
  const plain = plainSearch(queries.subarray(0, plainQueries * dimensions), gallery)
  const queriesPerSecond = plainQueries / ((performance.now() - start) / 1000)
  return { who: 'plain JavaScript', threads: 1, queriesPerSecond, same: agreement(indices, plain) }
}

async function report(lines: Turn[], others: Figure[], version: string | undefined, loadThen: number): Promise<void> {
  const date = new Date().toISOString()
  const perSecond = (batch: number, times: number[]) =>
    times.length > 0 ? ((batch / median(times)) * 1000).toFixed(1) : ''
  const ratio = ({ faiss, indexed }: Turn) => (faiss.length > 0 ? (median(faiss) / median(indexed)).toFixed(2) : '')
  const percent = (same: number | undefined) => (same === undefined ? '' : `${(same * 100).toFixed(2)} %`)
  const text = [
    `The exact ${k} nearest of ${m} unit-length rows of ${dimensions} floats; medians of ${rounds} rounds in turns, ${date}.`,
    `${printMachine(describeMachine())}, load ${loadThen.toFixed(1)}.`,
    `faiss ${version ?? 'was not there'}: IndexFlatL2, OPENBLAS_CORETYPE=SkylakeX, queries split over threads.`,
    'Our times hold everything from the call to the arrays it resolves to: checks of the arguments, copies, threads. `index` is of `indexEmbeddings`.',
    `Plain JavaScript answers ${plainQueries} queries, PyTorch ${torchQueries}. Others sum in another order, so where two rows are at nearly one distance they may choose the other.`,
    '',
    '| threads | queries in a call | ours, queries/s | ours with index, queries/s | faiss, queries/s | index / faiss | of our rows |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines.map(
      (line) =>
        `| ${line.threads} | ${line.batch} | ${perSecond(line.batch, line.rows)} | ${perSecond(line.batch, line.indexed)} | ` +
        `${perSecond(line.batch, line.faiss)} | ${ratio(line)} | ${percent(line.same)} |`,
    ),
    '',
    '| who | threads | queries/s | of our rows |',
    '| --- | --- | --- | --- |',
    ...others.map(
      ({ who, threads, queriesPerSecond, same }) =>
        `| ${who} | ${threads} | ${queriesPerSecond.toFixed(1)} | ${percent(same)} |`,
    ),
    '',
  ].join('\n')
  const folder = fileURLToPath(new URL('./results', import.meta.url))
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `search-${date.slice(0, 10)}.md`), text)
  console.log(text)
}
