/**
 * Triplet selection and loss against the same in plain JavaScript, in turns, in this process.
 *
 *     node --import tsx bench/mining.ts [--faces 1800] [--dimensions 128] [--identities 45] [--rounds 15]
 *
 * Writes `bench/results/mining-<date>.md` and prints it.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { l2Normalize, mineTriplets, type Triplets, tripletLoss } from '../lib/index.js'
import { describeMachine, load, printMachine } from './machine.js'
import { median } from './measure.js'
import { positiveInteger } from './options.js'

const { values: options } = parseArgs({
  options: {
    faces: { type: 'string', default: '1800' },
    dimensions: { type: 'string', default: '128' },
    identities: { type: 'string', default: '45' },
    rounds: { type: 'string', default: '15' },
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
].join('\n')
const folder = fileURLToPath(new URL('./results', import.meta.url))
await mkdir(folder, { recursive: true })
await writeFile(join(folder, `mining-${date.slice(0, 10)}.md`), report)
console.log(report)
