/**
 * Detectors: each of their networks against onnxruntime-node on the same ONNX, and whole detections by size of photograph.
 *
 *     node --import tsx bench/detection.ts [--weights mtcnn.safetensors] [--threads 2] [--rounds 7] [--turn 300]
 *                                          [--name detection]
 *
 * `--weights` is what `facenet import` takes, and may be given several times; MTCNN's and YuNet's of FACENET_DATA unless told.
 * Photographs are LFW's crops, or a sheet of them for twelve megapixels; they are left out where LFW is missing. Peak memory is
 * that of a process that opens the detector and looks at such a photograph five times, Node and the photograph included.
 *
 * Writes `bench/results/<name>-<date>.json` and `.md`.
 */

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { largestDifference, median } from '../lib/benchmark/statistics.js'
import { exportOnnx } from '../lib/convert/exporters/onnx.js'
import { importDetector } from '../lib/convert/importers/import_detector.js'
import { atSize } from '../lib/convert/networks/resize.js'
import { openDetector, type RgbImage } from '../lib/detection/index.js'
import { invalidArgument } from '../lib/errors.js'
import type { DetectorContents } from '../lib/files/model/detector_file.js'
import { weightSource } from '../lib/files/model/tensor.js'
import { decodeImage } from '../lib/images/index.js'
import { native } from '../lib/native/addon.js'
import { newCancel } from '../lib/native/queue.js'
import { openSource } from '../lib/sources/index.js'
import type { GraphDescription } from '../types/graph.js'
import { randomImages } from './images.js'

const data = process.env.FACENET_DATA ?? fileURLToPath(new URL('../../shared/data', import.meta.url))
const published = ['mtcnn_davidsandberg.safetensors', 'yunet_n_320_320.onnx'].map((name) => join(data, 'weights', name))
const lfw = join(data, 'lfw/lfw.tar')

const { values: options } = parseArgs({
  options: {
    weights: { type: 'string', multiple: true, default: published.filter((path) => existsSync(path)) },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '7' },
    turn: { type: 'string', default: '300' },
    name: { type: 'string', default: 'detection' },
    /** Of a child: width x height of the photograph. */
    photograph: { type: 'string' },
  },
})
const threads = Number(options.threads)

/** What a detector hands to its networks at once: P-net's tiles, R- and O-net's candidates in an average photograph. */
const batches: Readonly<Record<string, { batch: number; side?: number }>> = {
  pnet: { batch: 4, side: 138 },
  rnet: { batch: 64 },
  onet: { batch: 16 },
  detect: { batch: 1, side: 320 },
}

interface StageResult {
  detector: string
  stage: string
  batch: number
  side: number
  /** Medians over the rounds, milliseconds a batch. */
  ours: number
  peer: number
  /** Median over the rounds of peer / ours. */
  ratio: number
  /** max |ours - peer| / max |peer| over all outputs. */
  difference: number
}

async function measureStage(contents: DetectorContents, stage: string): Promise<StageResult> {
  const { batch, side } = batches[stage] ?? { batch: 1 }
  const own = contents.graphs[stage]!
  const graph = side === undefined ? own : atSize(own, side, side)
  const images = randomImages(graph, batch)
  const model = await native().openModel(graph, weightSource(contents.tensors), {
    device: 'cpu',
    dtype: 'f32',
    threads,
  })
  const outputs = model.outputs.map(([height, width, channels]) => new Float32Array(batch * height * width * channels))
  const ours = () => model.run(images, batch, outputs, newCancel())
  const { height, width, channels } = graph.input
  // The peer is not charged for normalisation: it gets floats.
  const planes = Float32Array.from(images, (byte) => (byte - 127.5) / 128)
  const peer = await openPeer(exportOnnx(graph, contents.tensors))
  const feed = new Tensor('float32', planes, [batch, channels, height, width])
  const theirs = () => peer.run({ [peer.inputNames[0]!]: feed })
  await ours()
  await theirs()
  const turns: { ours: number; peer: number }[] = []
  for (let round = 0; round < Number(options.rounds); round++)
    turns.push({ ours: await turn(ours), peer: await turn(theirs) })
  const difference = await disagreement(contents, graph, images, batch, outputs)
  await peer.release()
  model.dispose()
  return {
    detector: contents.detector,
    stage,
    batch,
    side: width,
    ours: median(turns.map((one) => one.ours)),
    peer: median(turns.map((one) => one.peer)),
    ratio: median(turns.map((one) => one.peer / one.ours)),
    difference,
  }
}

const openPeer = (model: Uint8Array) =>
  InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' })

/** Milliseconds a call. */
async function turn(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  let calls = 0
  let elapsed = 0
  for (; elapsed < Number(options.turn); elapsed = performance.now() - start) {
    await call()
    calls++
  }
  return elapsed / calls
}

/** `outputs` against the peer's on the same bytes, normalised by the exported model itself. */
async function disagreement(
  { tensors }: DetectorContents,
  graph: GraphDescription,
  images: Uint8Array,
  batch: number,
  outputs: readonly Float32Array[],
): Promise<number> {
  const session = await openPeer(exportOnnx(graph, tensors, { includePreprocess: true }))
  const { height, width } = graph.input
  const results = await session.run({
    [session.inputNames[0]!]: new Tensor('uint8', images, [batch, height, width, 3]),
  })
  const differences = session.outputNames.map((name, i) => {
    const { data: planes, dims } = results[name]! as { data: Float32Array; dims: readonly number[] }
    const [channels, pixels] = [dims[1]!, planes.length / batch / dims[1]!]
    const ours = Float32Array.from(planes, (_, at) => {
      const [image, rest] = [Math.floor(at / (channels * pixels)), at % (channels * pixels)]
      return outputs[i]![(image * pixels + (rest % pixels)) * channels + Math.floor(rest / pixels)]!
    })
    return largestDifference(ours, planes)
  })
  await session.release()
  return Math.max(...differences)
}

interface PhotographResult {
  detector: string
  size: string
  faces: number
  /** Median of five, milliseconds. */
  milliseconds: number
  /** Processor time of all threads. */
  cpuMilliseconds: number
  peakBytes: number
}

/** Crops side by side, each 250 pixels wide or a fifth of the photograph's width. */
async function photograph(width: number, height: number): Promise<RgbImage> {
  const side = Math.max(250, Math.ceil(width / 5))
  const [columns, rows] = [Math.ceil(width / side), Math.ceil(height / side)]
  const pixels = { data: new Uint8Array(width * height * 3), width, height }
  let index = 0
  for await (const { read } of openSource(lfw)) {
    if (index === columns * rows) break
    const image = await decodeImage(await read())
    const { data: crop } = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
      .resize(side, side)
      .raw()
      .toBuffer({ resolveWithObject: true })
    const [left, top] = [(index % columns) * side, Math.floor(index / columns) * side]
    for (let row = top; row < Math.min(top + side, height); row++) {
      const line = crop.subarray((row - top) * side * 3, ((row - top) * side + Math.min(side, width - left)) * 3)
      pixels.data.set(line, (row * width + left) * 3)
    }
    index++
  }
  return pixels
}

async function measurePhotograph(contents: DetectorContents, size: string): Promise<PhotographResult> {
  const [width, height] = size.split('x').map(Number) as [number, number]
  const image = await photograph(width, height)
  const detector = await openDetector(contents, { device: 'cpu', threads })
  const [faces] = await detector.detect([image])
  const cpuStart = process.cpuUsage()
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    const start = performance.now()
    await detector.detect([image])
    times.push(performance.now() - start)
  }
  const { user, system } = process.cpuUsage(cpuStart)
  detector.dispose()
  return {
    detector: contents.detector,
    size,
    faces: faces!.length,
    milliseconds: median(times),
    cpuMilliseconds: (user + system) / 1000 / times.length,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }
}

async function contentsOf(path: string): Promise<DetectorContents> {
  const contents = await importDetector(path)
  if (!contents) throw invalidArgument('--weights', "a detector's", path)
  return contents
}

function inChild(path: string, size: string): PhotographResult {
  const args = ['--import', 'tsx', fileURLToPath(import.meta.url), '--weights', path, '--photograph', size]
  return JSON.parse(execFileSync(process.execPath, [...args, '--threads', String(threads)], { encoding: 'utf8' }))
}

const table = (rows: readonly (readonly string[])[]) => rows.map((row) => `| ${row.join(' | ')} |`)

if (options.photograph) {
  console.log(JSON.stringify(await measurePhotograph(await contentsOf(options.weights[0]!), options.photograph)))
} else {
  const [stages, photographs]: [StageResult[], PhotographResult[]] = [[], []]
  for (const path of options.weights) {
    const contents = await contentsOf(path)
    for (const stage of Object.keys(contents.graphs)) stages.push(await measureStage(contents, stage))
    if (existsSync(lfw)) for (const size of ['250x250', '4000x3000']) photographs.push(inChild(path, size))
  }
  const date = new Date().toISOString()
  const machine = describeMachine()
  const report = { date, machine, load: load(), threads, stages, photographs }
  const text = [
    `Peer: onnxruntime-node on the same network, fp32, in turns; ${threads} threads, ${date}.`,
    `${printMachine(machine)}, load ${report.load.toFixed(1)}.`,
    '',
    ...table([
      ['detector', 'network', 'batch', 'ours, ms', 'peer, ms', 'times as fast', 'difference'],
      ['---', '---', '---', '---', '---', '---', '---'],
      ...stages.map(({ detector, stage, batch, side, ours, peer, ratio, difference }) => [
        detector,
        stage,
        `${batch} of ${side}x${side}`,
        ours.toFixed(2),
        peer.toFixed(2),
        `**${ratio.toFixed(2)}**`,
        difference.toExponential(1),
      ]),
    ]),
    '',
    ...table([
      ['detector', 'photograph', 'faces', 'time, ms', 'CPU time, ms', 'peak MB'],
      ['---', '---', '---', '---', '---', '---'],
      ...photographs.map(({ detector, size, faces, milliseconds, cpuMilliseconds, peakBytes }) => [
        detector,
        size,
        String(faces),
        milliseconds.toFixed(1),
        cpuMilliseconds.toFixed(1),
        (peakBytes / 1e6).toFixed(0),
      ]),
    ]),
    '',
  ].join('\n')
  const folder = fileURLToPath(new URL('./results', import.meta.url))
  await mkdir(folder, { recursive: true })
  const stem = join(folder, `${options.name}-${date.slice(0, 10)}`)
  await writeFile(`${stem}.json`, `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(`${stem}.md`, text)
  console.log(text)
}
