/**
 * `npm run bench`: our networks against onnxruntime-node on this machine.
 *
 *     node --import tsx bench/run.ts [--network nn2] [--dtype f32] [--threads 2] [--rounds 7] [--turn 700]
 *                                    [--name cpu] [--json] [--quiet]
 *
 * Writes `bench/results/<name>-<date>.json` and `.md`, and prints the table, or with `--json` the report.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine } from '../lib/benchmark/machine.js'
import type { Effort } from '../lib/benchmark/turns.js'
import { type NetworkName, network } from '../lib/convert/networks/index.js'
import { invalidArgument } from '../lib/errors.js'
import { type Case, cases } from './cases.js'
import { choosePeer, measureCase, type PeerChoice, type Result } from './measure.js'
import { type ModelFiles, prepare } from './prepare.js'
import { markdown, type Report, save } from './report.js'

const { values: options } = parseArgs({
  options: {
    network: { type: 'string', multiple: true },
    dtype: { type: 'string' },
    threads: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '7' },
    turn: { type: 'string', default: '700' },
    name: { type: 'string', default: 'cpu' },
    json: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
})

const say = (line: string) => {
  if (!options.quiet) console.error(line)
}

function atLeastOne(name: string, value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1) throw invalidArgument(`--${name}`, 'an integer of at least 1', value)
  return number
}

function wantedCases(): Case[] {
  const counts = options.threads?.map((count) => atLeastOne('threads', count)) ?? [
    ...new Set([1, availableParallelism()]),
  ]
  const names = options.network?.map((name) => network(name).name)
  return cases(counts).filter(
    ({ network: name, dtype }) => (!names || names.includes(name)) && (!options.dtype || options.dtype === dtype),
  )
}

/** Measures every case; the peer's best form is looked for once for each network and number of threads. */
async function measureAll(wanted: readonly Case[], effort: Effort, folder: string): Promise<Result[]> {
  const files = new Map<NetworkName, ModelFiles>()
  const choices = new Map<string, PeerChoice>()
  const results: Result[] = []
  for (const item of wanted) {
    const model = files.get(item.network) ?? (await prepare(item.network, folder))
    files.set(item.network, model)
    const key = `${item.network} with ${item.threads} threads`
    if (!choices.has(key)) say(`${key}: looking for the peer's best form`)
    const choice = choices.get(key) ?? (await choosePeer(item, model, effort))
    choices.set(key, choice)
    const result = await measureCase(item, model, choice, effort)
    say(`${key}, ${item.dtype}: ${result.ratio.toFixed(2)} x the peer`)
    results.push(result)
  }
  return results
}

const effort = { rounds: atLeastOne('rounds', options.rounds), turn: atLeastOne('turn', options.turn) }
const folder = await mkdtemp(join(tmpdir(), 'facenet-bench-'))
try {
  const results = await measureAll(wantedCases(), effort, folder)
  const report: Report = { machine: describeMachine(), date: new Date().toISOString(), effort, results }
  const paths = await save(report, fileURLToPath(new URL('./results', import.meta.url)), options.name)
  console.log(options.json ? JSON.stringify(report) : markdown(report))
  say(`Written to ${paths.join(' and ')}`)
} finally {
  await rm(folder, { recursive: true, force: true })
}
