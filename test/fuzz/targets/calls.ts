/** Words of command lines, and calls of the typed API with what types would not let through. */
import fc from 'fast-check'
import { commands } from '../../../lib/cli/command_table.js'
import { commonOptions } from '../../../lib/cli/options/common.js'
import { flagOf, type OptionTable } from '../../../lib/cli/options/option.js'
import { asksForHelp, checkRequired, parseOptions } from '../../../lib/cli/options/parse.js'
import * as api from '../../../lib/index.js'
import { target } from '../target.js'

const values = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e999',
    'NaN',
    '1',
    '0.5',
    '2%',
    'cpu',
    'detect',
    'a.npy',
    '1/2',
    '0/0',
    '10x10',
    '-',
    '--',
    '\u0000',
    '__proto__',
  ),
  fc.string({ maxLength: 8, unit: 'binary' }),
)
const words = fc.constantFrom(...commands).chain((command) => {
  const table: OptionTable = { ...commonOptions, ...command.options }
  const flags = fc.constantFrom(...Object.keys(table).map(flagOf), '--no-such', '-q', '-')
  const word = fc.oneof(
    flags,
    values,
    fc.tuple(flags, values).map(([flag, value]) => `${flag}=${value}`),
  )
  return fc.array(word, { maxLength: 6 }).map((list) => ({ table, list }))
})

const anything = fc.oneof(
  { depthSize: 'small' },
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    0,
    1,
    -1,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1n,
    '',
    'x',
    Symbol.iterator,
  ),
  fc.constantFrom<unknown>(
    [],
    {},
    new Map(),
    new Set(),
    new Float32Array(0),
    new Float32Array(8).fill(0.5),
    Float32Array.of(Number.NaN, 1),
  ),
  fc.constantFrom<unknown>(
    Int32Array.of(0, 0, 1, 1),
    new Uint8Array(5),
    new ArrayBuffer(8),
    new SharedArrayBuffer(8),
    new BigInt64Array(2),
  ),
  fc.constantFrom<unknown>(() => 1, new Date(0), new Proxy({}, {}), Object.create(null), {
    data: new Float32Array(4),
    rows: 2,
    dimensions: 2,
  }),
  fc.array(fc.constantFrom<unknown>(null, 0, 1, 'a', undefined, 0.25), { maxLength: 4 }),
)
const keys = fc.constantFrom(
  'dimensions',
  'device',
  'threads',
  'signal',
  'b',
  'k',
  'margin',
  'strategy',
  'threshold',
  'linkage',
  'folds',
  'out',
  'epsilon',
  'minFaces',
)
const options = fc.oneof(
  anything,
  fc.dictionary(keys, fc.oneof(anything, fc.constantFrom<unknown>(2, 4, 'cpu', 'reference', 'all', 'hard', 0.2)), {
    maxKeys: 4,
  }),
)
const rows = fc.oneof(anything, fc.constantFrom<unknown>(new Float32Array(8).fill(0.5), Float32Array.of(1, 0, 0, 1)))

const functions = Object.entries({
  ...{ pairwiseDistances: api.pairwiseDistances, l2Normalize: api.l2Normalize, nearestNeighbors: api.nearestNeighbors },
  ...{ mineTriplets: api.mineTriplets, tripletLoss: api.tripletLoss, clusterEmbeddings: api.clusterEmbeddings },
  ...{ scoreClusters: api.scoreClusters, evaluatePairs: api.evaluatePairs, indexEmbeddings: api.indexEmbeddings },
  ...{ assertSameFingerprint: api.assertSameFingerprint, openModel: api.openModel, openDetector: api.openDetector },
  ...{ detectFaces: api.detectFaces, readThresholdFile: api.readThresholdFile, createTrainer: api.createTrainer },
})
const apiCalls = fc.record({
  call: fc.constantFrom(...functions),
  first: rows,
  second: options,
  third: options,
  count: fc.nat(3),
})

type Call = (...args: unknown[]) => unknown

/** What was opened, if anything, is closed again. */
async function make({
  call: [, call],
  first,
  second,
  third,
  count,
}: {
  call: [string, unknown]
  first: unknown
  second: unknown
  third: unknown
  count: number
}) {
  const made = await (call as Call)(...[first, second, third].slice(0, count))
  const { close } = (made ?? {}) as { close?: () => Promise<void> }
  if (typeof close === 'function') await close.call(made)
}

export const calls = [
  target('command-line', words, ({ table, list }) => {
    if (asksForHelp(list)) return
    checkRequired(table, parseOptions(table, list).values)
  }),
  target('api', apiCalls, make, 600),
]
