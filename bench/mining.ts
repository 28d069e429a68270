/**
 * Triplet selection and loss against the same in plain JavaScript, in turns, in this process, and then in PyTorch
 * (`peers/torch_mining.py`), where Python has it, on the same embeddings.
 *
 *     node --import tsx bench/mining.ts [--faces 1800] [--dimensions 128] [--identities 45] [--rounds 15]
 *         [--python python3]
 *
 * Writes `bench/results/mining-<date>.md` and prints it.
 */
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { median } from '../lib/benchmark/statistics.js'
import { l2Normalize, mineTriplets, type Triplets, tripletLoss } from '../lib/index.js'
import { keepMemory } from './keep_memory.js'
import { positiveInteger } from './options.js'

const { values: options } = parseArgs({
  options: {
    faces: { type: 'string', default: '1800' },
    dimensions: { type: 'string', default: '128' },
    identities: { type: 'string', default: '45' },
    rounds: { type: 'string', default: '15' },
    python: { type: 'string', default: 'python3' },
  },
})

const count = (name: 'faces' | 'dimensions' | 'identities' | 'rounds') => positiveInteger(options, name)
const [n, dimensions, identities, rounds] = [count('faces'), count('dimensions'), count('identities'), count('rounds')]
const margin = 0.2

/** Semi-hard selection as one would write it in JavaScript, on a matrix of distances. */
function plainMine(x: Float32Array, labels: Int32Array): Triplets {
  const d = new Float32Array(n * n)
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      let sum = 0
      for (let k = 0; k < dimensions; k++) {
        const difference = x[i * dimensions + k]! - x[j * dimensions + k]!
        sum += difference * difference
      }
      d[i * n + j] = d[j * n + i] = sum
    }
  }
  const found: Record<keyof Triplets, number[]> = { anchors: [], positives: [], negatives: [] }
  for (let a = 0; a < n; a++) {
    for (let p = 0; p < n; p++) {
      if (p === a || labels[p] !== labels[a]) continue
      const floor = d[a * n + p]!
      let [least, nearest] = [floor + margin, -1]
      for (let m = 0; m < n; m++) {
        const distance = d[a * n + m]!
        if (distance > floor && distance < least && labels[m] !== labels[a]) [least, nearest] = [distance, m]
      }
      if (nearest < 0) continue
      found.anchors.push(a)
      found.positives.push(p)
      found.negatives.push(nearest)
    }
  }
  const { anchors, positives, negatives } = found
  return {
    anchors: Int32Array.from(anchors),
    positives: Int32Array.from(positives),
    negatives: Int32Array.from(negatives),
  }
}

function plainLoss(x: Float32Array, { anchors, positives, negatives }: Triplets) {
  const gradient = new Float32Array(x.length)
  let loss = 0
  for (let t = 0; t < anchors.length; t++) {
    const [a, p, m] = [anchors[t]! * dimensions, positives[t]! * dimensions, negatives[t]! * dimensions]
    let hinge = margin
    for (let k = 0; k < dimensions; k++) {
      hinge += (x[a + k]! - x[p + k]!) ** 2 - (x[a + k]! - x[m + k]!) ** 2
    }
    if (hinge <= 0) continue
    loss += hinge
    for (let k = 0; k < dimensions; k++) {
      gradient[a + k]! += 2 * (x[m + k]! - x[p + k]!)
      gradient[p + k]! += 2 * (x[p + k]! - x[a + k]!)
      gradient[m + k]! += 2 * (x[a + k]! - x[m + k]!)
    }
  }
  return { loss, gradient }
}

/** Faces of one identity are about as far from each other as from others, as early in training, the hardest case to search. */
function batch() {
  const labels = Int32Array.from({ length: n }, (_, i) => i % identities)
  let state = 1
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 0) / 2 ** 32 - 0.5
  }
  return { labels, x: l2Normalize(Float32Array.from({ length: n * dimensions }, uniform), { dimensions }) }
}

/** Milliseconds of each contender, medians of rounds in which all take turns. */
async function race(contenders: Record<string, () => unknown>): Promise<Map<string, number>> {
  const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]))
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const start = performance.now()
      await run()
      if (round >= 0) times.get(name)!.push(performance.now() - start) // the first round warms up
    }
  }
  return new Map([...times].map(([name, list]) => [name, median(list)]))
}

interface Torch {
  torch: string
  /** Of distances and selection. */
  selectionSeconds: number
  /** Of these, the loss and its gradient. */
  seconds: number
  triplets: number
}

/** The same embeddings and labels in PyTorch, in a process for each number of threads; a text where there is no PyTorch. */
async function torch(x: Float32Array, labels: Int32Array): Promise<Map<number, Torch> | string> {
  const peer = fileURLToPath(new URL('./peers/torch_mining.py', import.meta.url))
  const folder = await mkdtemp(join(tmpdir(), 'facenet-mining-'))
  const [xPath, labelsPath] = [join(folder, 'x'), join(folder, 'labels')]
  try {
    await writeFile(xPath, x)
    await writeFile(labelsPath, labels)
    const results = new Map<number, Torch>()
    for (const threads of threadCounts) {
      const told = { x: xPath, labels: labelsPath, n, dimensions, margin, threads, repeats: rounds + 2 }
      const words = Object.entries(told).flatMap(([name, value]) => [`--${name}`, `${value}`])
      const { status, stdout, stderr, error } = spawnSync(options.python, [peer, ...words], {
        encoding: 'utf8',
        env: { ...process.env, ...keepMemory },
      })
      if (status !== 0) return `${options.python}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`
      results.set(threads, JSON.parse(stdout))
    }
    return results
  } finally {
    await rm(folder, { recursive: true })
  }
}

const { labels, x: normalized } = batch()
const x = await normalized
const triplets = await mineTriplets(x, labels, { dimensions, margin })
const threadCounts = [...new Set([1, availableParallelism()])]
const ours = (run: (threads: number) => unknown) =>
  Object.fromEntries(threadCounts.map((threads) => [`ours, threads ${threads}`, () => run(threads)]))

const races = {
  'distances and semi-hard selection': await race({
    'plain JavaScript': () => plainMine(x, labels),
    ...ours((threads) => mineTriplets(x, labels, { dimensions, margin, threads })),
  }),
  'loss and gradient': await race({
    'plain JavaScript': () => plainLoss(x, triplets),
    ...ours((threads) => tripletLoss(x, triplets, { dimensions, margin, threads })),
  }),
}

const theirs = await torch(x, labels)
const plain = plainMine(x, labels)
const same = plain.negatives.filter((negative, t) => negative === triplets.negatives[t]).length
const [{ loss }, { loss: plainSum }] = [await tripletLoss(x, triplets, { dimensions, margin }), plainLoss(x, triplets)]

const date = new Date().toISOString()
const rows = Object.entries(races).flatMap(([what, times]) =>
  [...times].map(
    ([name, time]) =>
      `| ${what} | ${name} | ${time.toFixed(2)} | ${(times.get('plain JavaScript')! / time).toFixed(1)} |`,
  ),
)
const selection = races['distances and semi-hard selection']
const lossTimes = races['loss and gradient']
const againstTorch =
  typeof theirs === 'string'
    ? [`No figures of PyTorch: ${theirs}`]
    : [
        `PyTorch ${[...theirs.values()][0]!.torch}, after ours and not in turns, selects ${[...theirs.values()][0]!.triplets} triplets:`,
        '',
        '| what | threads | ours, ms | PyTorch, ms | ratio |',
        '| --- | --- | --- | --- | --- |',
        ...[...theirs].flatMap(([threads, { selectionSeconds, seconds }]) => {
          const own = selection.get(`ours, threads ${threads}`)!
          const whole = own + lossTimes.get(`ours, threads ${threads}`)!
          const row = (what: string, our: number, their: number) =>
            `| ${what} | ${threads} | ${our.toFixed(2)} | ${(1000 * their).toFixed(1)} | ${((1000 * their) / our).toFixed(1)} |`
          return [
            row('distances and semi-hard selection', own, selectionSeconds),
            row('the same, loss and gradient', whole, seconds),
          ]
        }),
      ]
const report = [
  `${n} unit-length embeddings of ${dimensions} floats, ${identities} identities, margin ${margin}; medians of ${rounds} rounds in turns, ${date}.`,
  `${printMachine(describeMachine())}, load ${load().toFixed(1)}.`,
  'Times hold everything from the call to the arrays it resolves to: checks of the arguments, copies, threads.',
  `Plain JavaScript (distances once a pair, fp64 sums) selects ${plain.negatives.length} triplets, we ${triplets.negatives.length}, ${same} with the same negative.`,
  `Losses differ by ${(Math.abs(loss - plainSum) / plainSum).toExponential(1)} relative.`,
  '',
  '| what | who | ms | times plain JavaScript |',
  '| --- | --- | --- | --- |',
  ...rows,
  '',
  ...againstTorch,
  '',
].join('\n')
const folder = fileURLToPath(new URL('./results', import.meta.url))
await mkdir(folder, { recursive: true })
await writeFile(join(folder, `mining-${date.slice(0, 10)}.md`), report)
console.log(report)
