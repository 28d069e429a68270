/**
 * `facenet bench`: how fast a model is on this machine, beside others; without a model the repository's own benchmark, which is not in
 * the published package.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BenchmarkSettings, benchmark, compareReports, readReport } from '../../benchmark/index.js'
import { FaceNetError } from '../../errors.js'
import { writeAtomically } from '../../files/atomic_write.js'
import loader from '../../native/load.cjs'
import { runNode } from '../common/child.js'
import type { Context } from '../context.js'
import { type BenchOptions, modelBenchOptionNames } from '../options/bench.js'
import { flagOf } from '../options/option.js'
import { UsageError } from '../usage_error.js'
import { comparisonLines, reportLines } from './bench_text.js'

/** Beside this file's folder, with the ending that this file has. */
const worker = fileURLToPath(new URL(`../bench_worker${extname(import.meta.url)}`, import.meta.url))

export async function run(context: Context<BenchOptions>): Promise<void> {
  const { model, compare } = context.options
  if (model === undefined && compare === undefined) return runRepository(context)
  if (context.options.network !== undefined)
    throw new UsageError('--network is without --model: --model takes a network too')
  const before = compare === undefined ? undefined : await readReport(compare)
  const settings = settingsOf(context, before?.settings)
  const onStep = (text: string) => context.say(text)
  const report = await benchmark(settings, { script: worker, onStep, signal: context.signal })
  const comparison = before && compareReports(before, report)
  const { out } = context.options
  if (out !== undefined)
    await writeAtomically(out, (write) => write(Buffer.from(`${JSON.stringify(report, null, 2)}\n`)))
  if (context.json) return context.print(JSON.stringify(comparison ? { ...report, comparison } : report))
  for (const line of reportLines(report)) await context.print(line)
  if (comparison) for (const line of comparisonLines(comparison)) await context.print(line)
}

/** What the command line says; else what an earlier report says, which so is taken again. */
function settingsOf(
  { options, given }: Context<BenchOptions>,
  before: BenchmarkSettings | undefined,
): BenchmarkSettings {
  const chosen = <Name extends keyof BenchmarkSettings>(name: string, value: BenchmarkSettings[Name], key: Name) =>
    given.has(name) || !before ? value : before[key]
  const effort = { rounds: options.rounds, turn: options.turn }
  return {
    model: chosen('model', options.model!, 'model'),
    device: chosen('device', options.device, 'device'),
    dtype: chosen('dtype', options.dtype, 'dtype'),
    threads: chosen('threads', options.threads ?? availableParallelism(), 'threads'),
    batches: chosen('batch', options.batch ?? [1, 8, 32], 'batches'),
    against: chosen('against', options.against ?? [], 'against'),
    effort: {
      rounds: given.has('rounds') || !before ? effort.rounds : before.effort.rounds,
      turn: given.has('turn') || !before ? effort.turn : before.effort.turn,
    },
  }
}

async function runRepository(context: Context<BenchOptions>): Promise<void> {
  const needless = modelBenchOptionNames.find((name) => context.given.has(name))
  if (needless) throw new UsageError(`${flagOf(needless)} is for --model`)
  const script = join('bench', 'run.ts')
  if (!existsSync(join(loader.packageRoot(), script))) {
    const message =
      'The networks of the repository are measured in a clone of it: bench/run.ts is missing; --model measures a model of yours'
    throw new FaceNetError('ERR_FACENET_IO', message)
  }
  const { threads, dtype, network } = context.options
  const args = ['--import', 'tsx', script]
  if (context.json) args.push('--json')
  if (context.quiet) args.push('--quiet')
  if (threads !== undefined) args.push(`--threads=${threads}`)
  if (context.given.has('dtype')) args.push(`--dtype=${dtype}`)
  if (network !== undefined) args.push(`--network=${network}`)
  await runNode(args, loader.packageRoot(), 'stdout', context.signal)
}
