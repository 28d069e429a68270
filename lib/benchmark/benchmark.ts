/** A benchmark of one model: its files, the engines' processes, their turns, and the report. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportOnnx } from '../convert/exporters/onnx.js'
import { loadOnnxRuntime } from '../convert/importers/onnxruntime.js'
import { invalidArgument } from '../errors.js'
import { writeModel } from '../files/model/model_file.js'
import { readWholeModel } from '../files/model/whole_model.js'
import { native, nativeCallSync } from '../native/addon.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { resolveDevice } from '../native/devices.js'
import { type Ceilings, measureCeilings, rooflineShare } from './ceilings.js'
import { Child } from './child.js'
import { type ModelEngineOptions, missingPeer } from './engines.js'
import { describeMachine, load } from './machine.js'
import { modelContents } from './model_source.js'
import { type BatchResult, type BenchmarkReport, type BenchmarkSettings, reportFormat } from './report.js'
import { largestDifference } from './statistics.js'
import { ratioOf, speedOf, takeTurns } from './turns.js'

export interface BenchmarkOptions {
  /** The script that a worker runs; it is given `ModelEngineOptions` as JSON, and calls `serveEngine`. */
  script: string
  /** Told of what is begun. */
  onStep?: (text: string) => void
  signal?: AbortSignal
}

export async function benchmark(settings: BenchmarkSettings, options: BenchmarkOptions): Promise<BenchmarkReport> {
  check(settings)
  if (settings.against.includes('onnxruntime') && !(await loadOnnxRuntime())) throw missingPeer()
  const folder = await mkdtemp(join(tmpdir(), 'facenet-bench-'))
  try {
    return await measured(settings, options, folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function check({ batches, effort }: BenchmarkSettings): void {
  const whole = (value: number) => Number.isSafeInteger(value) && value >= 1
  if (batches.length === 0 || !batches.every(whole)) throw invalidArgument('batches', 'integers of at least 1', batches)
  if (!whole(effort.rounds)) throw invalidArgument('effort.rounds', 'an integer of at least 1', effort.rounds)
  if (!(effort.turn >= 1)) throw invalidArgument('effort.turn', 'milliseconds of at least 1', effort.turn)
}

async function measured(
  settings: BenchmarkSettings,
  options: BenchmarkOptions,
  folder: string,
): Promise<BenchmarkReport> {
  const { onStep, signal } = options
  const [model, onnx] = [join(folder, 'm.safetensors'), join(folder, 'm.onnx')]
  onStep?.(`reading ${settings.model}`)
  const metadata = await writeModel(model, await modelContents(settings.model))
  const { graph, values } = await readWholeModel(model)
  if (settings.against.includes('onnxruntime')) {
    await writeFile(onnx, exportOnnx(graph, values, { includePreprocess: true }))
  }
  const kind = resolveDevice(settings.device, undefined).kind
  const { multiplyAdds, parameters } = nativeCallSync(() => native().plan(graph, { dtype: settings.dtype }))
  onStep?.('measuring what the machine does at most')
  const { dtype, threads } = settings
  const ceilings = kind === 'reference' ? null : await measureCeilings({ device: kind, dtype, threads })
  const [height, width] = metadata.inputSize
  const report: BenchmarkReport = {
    format: reportFormat,
    date: new Date().toISOString(),
    version: native().info().version,
    machine: describeMachine(),
    load: load(),
    settings,
    network: { name: metadata.network, fingerprint: metadata.fingerprint, multiplyAdds, parameters },
    ceilings,
    results: [],
  }
  for (const batch of settings.batches) {
    throwIfAborted(signal)
    onStep?.(`batches of ${batch}`)
    const common = { network: metadata.network, device: kind, dtype, threads, batch, height, width } as const
    const files = { facenet: model, onnxruntime: onnx }
    const pixelBytes = batch * (height * width * 3 + metadata.dimensions * 4)
    const work = {
      multiplyAdds: batch * multiplyAdds,
      bytes: parameters * (dtype === 'f32' ? 4 : 2) + pixelBytes,
    }
    report.results.push(await measureBatch(settings, options, { common, files, work, ceilings }))
  }
  return report
}

interface BatchPlan {
  common: Omit<ModelEngineOptions, 'engine' | 'model'>
  files: { facenet: string; onnxruntime: string }
  work: { multiplyAdds: number; bytes: number }
  ceilings: Ceilings | null
}

async function measureBatch(
  { against, effort }: BenchmarkSettings,
  { script, signal }: BenchmarkOptions,
  { common, files, work, ceilings }: BatchPlan,
): Promise<BatchResult> {
  const children: Child[] = []
  const start = async (engine: 'facenet' | 'onnxruntime') => {
    children.push(await Child.start(script, { ...common, engine, model: files[engine] }))
  }
  try {
    await start('facenet')
    for (const peer of against) await start(peer === 'self' ? 'facenet' : 'onnxruntime')
    const turns = await takeTurns(children, effort, signal)
    const rows: number[][] = []
    for (const child of children) rows.push(await child.embed())
    const results = await Promise.all(
      children.map(async (child, i) => {
        const { engine } = child.options
        return { engine, ...speedOf(turns[i]!), peakBytes: await child.peak(), notes: child.notes }
      }),
    )
    for (const child of children) await child.finish()
    const [ours, ...peers] = results as [(typeof results)[0], ...typeof results]
    const seconds = common.batch / ours.imagesPerSecond
    return {
      batch: common.batch,
      ours: {
        ...ours,
        multiplyAddsPerSecond: work.multiplyAdds / seconds,
        rooflineShare: ceilings && rooflineShare(work, seconds, ceilings),
      },
      peers: peers.map((peer, i) => ({
        ...peer,
        against: against[i]!,
        ratio: ratioOf(turns[0]!, turns[i + 1]!),
        difference: largestDifference(rows[0]!, rows[i + 1]!),
      })),
    }
  } catch (error) {
    throwIfAborted(signal)
    throw error
  } finally {
    for (const child of children) child.kill()
  }
}
