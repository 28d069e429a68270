/** Whole networks for faces, as exporters write them, with random weights: imported, and compared with onnxruntime. */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { largestDifference } from '../../../lib/benchmark/statistics.js'
import { openModel } from '../../../lib/model/open.js'
import type { GraphNode } from '../../../types/graph.js'
import { seeded } from '../../support/random.js'
import { importNetwork } from '../onnx_files.js'
import { countOps, modelFails } from '../support.js'
import { edgeFace, plainAttention, xs, xxs } from './edge.js'
import { dynamo, keras, script, scriptUnfolded } from './graph_writer.js'
import { ghostFaceNet, mobileFaceNet, mobileNetV3, sface } from './mobile.js'
import { adaface, ir, iresnet } from './residual.js'

interface Case {
  name: string
  build: () => Uint8Array | { bytes: Uint8Array; output: string }
  /** Network input = (pixel - mean) * scale, unless the file says it by itself. */
  rule?: { mean: number; scale: number; color: 'rgb' | 'bgr' }
  /** Ops of the result beside the preprocess. */
  ops: Partial<Record<GraphNode['op'], number>>
}

const centred = { mean: 127.5, scale: 1 / 127.5, color: 'rgb' } as const

const mobileNetV3Ops = {
  conv2d: 62,
  hard_swish: 21,
  relu: 19,
  add: 10,
  global_pool: 9,
  hard_sigmoid: 8,
  multiply: 8,
  fully_connected: 2,
} as const

/** All in full depth, the ResNets at a quarter of their width. */
const cases: Case[] = [
  {
    name: 'iresnet50 of insightface',
    build: () => iresnet(script, 50, 4),
    rule: centred,
    ops: { conv2d: 53, batch_norm: 26, prelu: 25, add: 24, fully_connected: 1 },
  },
  {
    name: 'iresnet100 of insightface, by the exporter of today',
    build: () => iresnet(dynamo, 100, 4),
    rule: centred,
    ops: { conv2d: 103, batch_norm: 154, prelu: 50, add: 49, fully_connected: 1 },
  },
  {
    name: 'IR-50 of the ArcFace ports',
    build: () => ir(script, { depth: 50, thin: 4, squeezes: false }),
    rule: centred,
    ops: { conv2d: 52, max_pool: 1, batch_norm: 26, prelu: 25, add: 24, fully_connected: 1, l2_normalize: 1 },
  },
  {
    name: 'IR-SE-50',
    build: () => ir(script, { depth: 50, thin: 4, squeezes: true }),
    rule: centred,
    ops: {
      conv2d: 100,
      max_pool: 1,
      batch_norm: 26,
      prelu: 25,
      global_pool: 24,
      relu: 24,
      sigmoid: 24,
      multiply: 24,
      add: 24,
      fully_connected: 1,
      l2_normalize: 1,
    },
  },
  {
    name: 'IR-SE-50, by the exporter of today',
    build: () => ir(dynamo, { depth: 50, thin: 4, squeezes: true }),
    rule: centred,
    ops: {
      conv2d: 100,
      max_pool: 1,
      batch_norm: 54,
      prelu: 25,
      global_pool: 24,
      relu: 24,
      sigmoid: 24,
      multiply: 24,
      add: 24,
      fully_connected: 1,
      l2_normalize: 1,
    },
  },
  {
    name: 'AdaFace, IR-50, the unit vector of its two outputs',
    build: () => adaface(script, { depth: 50, thin: 4, squeezes: false }),
    rule: { ...centred, color: 'bgr' },
    ops: { conv2d: 52, max_pool: 1, batch_norm: 26, prelu: 25, add: 24, fully_connected: 1, l2_normalize: 1 },
  },
  {
    name: 'AdaFace, IR-101, by the exporter of today',
    build: () => adaface(dynamo, { depth: 101, thin: 4, squeezes: false }),
    rule: { ...centred, color: 'bgr' },
    ops: { conv2d: 102, max_pool: 1, batch_norm: 153, prelu: 50, add: 49, fully_connected: 1, l2_normalize: 1 },
  },
  {
    name: 'MobileFaceNet',
    build: () => mobileFaceNet(script),
    rule: centred,
    ops: { conv2d: 49, batch_norm: 1, prelu: 33, add: 12, fully_connected: 1, l2_normalize: 1 },
  },
  {
    name: 'MobileFaceNet, its normalisation not folded',
    build: () => mobileFaceNet(scriptUnfolded),
    rule: centred,
    ops: { conv2d: 49, batch_norm: 50, prelu: 33, add: 12, fully_connected: 1, l2_normalize: 1 },
  },
  {
    name: 'SFace',
    build: () => sface(scriptUnfolded, 2),
    ops: { conv2d: 27, batch_norm: 29, prelu: 27, fully_connected: 1 },
  },
  {
    name: 'MobileNetV3',
    build: () => mobileNetV3(script),
    rule: centred,
    ops: mobileNetV3Ops,
  },
  {
    name: 'MobileNetV3, by the exporter of today',
    build: () => mobileNetV3(dynamo),
    rule: centred,
    ops: { ...mobileNetV3Ops, batch_norm: 46 },
  },
  {
    name: 'GhostFaceNet',
    build: () => ghostFaceNet(script),
    rule: centred,
    ops: { conv2d: 96, batch_norm: 1, prelu: 41, concat: 32, add: 16, global_pool: 7, hard_sigmoid: 7, multiply: 7 },
  },
  {
    name: 'GhostFaceNet by tf2onnx',
    build: () => ghostFaceNet(keras),
    rule: centred,
    ops: { conv2d: 96, batch_norm: 1, prelu: 41, concat: 32, add: 16, global_pool: 7, hard_sigmoid: 7, multiply: 7 },
  },
  {
    name: 'GhostFaceNet, version 2, by the exporter of today',
    build: () => ghostFaceNet(dynamo, 2),
    rule: centred,
    ops: {
      conv2d: 138,
      batch_norm: 124,
      prelu: 41,
      concat: 32,
      add: 16,
      avg_pool: 14,
      sigmoid: 14,
      upsample: 14,
      max_pool: 6,
      multiply: 21,
      global_pool: 7,
      hard_sigmoid: 7,
    },
  },
  {
    name: 'EdgeFace, edgeface_xs_gamma_06',
    build: () => edgeFace(script, xs),
    rule: centred,
    ops: {
      conv2d: 126,
      layer_norm: 26,
      affine: 47,
      gelu: 18,
      add: 25,
      concat: 3,
      global_pool: 2,
      cross_covariance_attention: 3,
      fully_connected: 1,
    },
  },
  {
    name: 'EdgeFace, edgeface_xxs, by the exporter of today',
    build: () => edgeFace(dynamo, xxs),
    rule: centred,
    ops: {
      conv2d: 66,
      layer_norm: 20,
      affine: 35,
      gelu: 12,
      add: 19,
      concat: 3,
      global_pool: 2,
      cross_covariance_attention: 3,
      fully_connected: 1,
    },
  },
]

const count = 2
/** Of the largest element, as for our own networks: two fp32 engines that sum in other orders. */
const tolerance = 1e-5

/** Interleaved RGB, of values that neighbours share in part. */
function images(size: number): Uint8Array {
  const random = seeded(5)
  return Uint8Array.from({ length: size }, (_, i) => (128 + 80 * Math.sin(i / 97) + 47 * random.normal()) % 256)
}

/** N x 3 x 112 x 112, normalised, in the network's order of channels. */
function planes(pixels: Uint8Array, { mean, scale, color }: NonNullable<Case['rule']>): Float32Array {
  const area = 112 * 112
  return Float32Array.from(pixels, (_, i) => {
    const [n, c, at] = [Math.floor(i / (3 * area)), Math.floor(i / area) % 3, i % area]
    return (pixels[(n * area + at) * 3 + (color === 'bgr' ? 2 - c : c)]! - mean) * scale
  })
}

/** `planes` as N x 112 x 112 x 3. */
function channelsLast(values: Float32Array): Float32Array {
  const area = 112 * 112
  return values.map((_, i) => values[(Math.floor(i / (3 * area)) * 3 + (i % 3)) * area + (Math.floor(i / 3) % area)]!)
}

async function onnxruntime(
  name: string,
  bytes: Uint8Array,
  output: string | undefined,
  input: Float32Array,
): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 2, logSeverityLevel: 3 })
  const last = name.includes('tf2onnx')
  const tensor = last
    ? new Tensor('float32', channelsLast(input), [count, 112, 112, 3])
    : new Tensor('float32', input, [count, 3, 112, 112])
  const results = await session.run({ [session.inputNames[0]!]: tensor })
  await session.release()
  return results[output ?? session.outputNames[0]!]!.data as Float32Array
}

/** Rows at length 1. */
function atUnitLength(rows: Float32Array, length: number): Float32Array {
  const lengths = Array.from({ length: count }, (_, n) => Math.hypot(...rows.subarray(n * length, (n + 1) * length)))
  return rows.map((value, i) => value / lengths[Math.floor(i / length)]!)
}

for (const { name, build, rule, ops } of cases) {
  test(name, async () => {
    const built = build()
    const { bytes, output } = built instanceof Uint8Array ? { bytes: built, output: undefined } : built
    const stated = rule ?? { mean: undefined, scale: undefined }
    const imported = await importNetwork(bytes, { ...stated, output })
    assert.equal(countOps(imported.graph), { preprocess: 1, ...ops })
    assert.ok(imported.check.checked && imported.check.difference <= tolerance, JSON.stringify(imported.check))

    const pixels = images(count * 112 * 112 * 3)
    const raw = { mean: 0, scale: 1, color: 'rgb' } as const
    const theirs = await onnxruntime(name, bytes, output, planes(pixels, rule ?? raw))
    const model = await openModel(imported, { device: 'cpu', threads: 2 })
    const ours = await model.embed(pixels)
    await model.close()
    assert.is(ours.length, theirs.length)
    const length = theirs.length / count
    const [a, b] = [atUnitLength(ours, length), atUnitLength(theirs, length)]
    const apart = largestDifference(b.subarray(0, length), b.subarray(length))
    assert.ok(apart > 1000 * tolerance, `images differ enough to tell: by ${apart}`)
    const difference = largestDifference(b, a)
    assert.ok(difference <= tolerance, `differs by ${difference}`)
  })
}

test('attention of queries and keys that are no units is refused', async () => {
  await modelFails(
    () => importNetwork(plainAttention(dynamo), centred),
    /a constant for input 1 of MatMul node_\d+ but received the activation/,
  )
})

test.run()
