/** What detectors' own code does with their outputs, as plain loops, and files of networks to try it on. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import * as assert from 'uvu/assert'
import { importDetector } from '../../lib/convert/importers/import_detector.js'
import type { DetectedFace, RgbImage } from '../../lib/detection/types.js'
import { seeded } from '../support/random.js'

/** How the networks are run. */
export const options = { device: 'cpu', dtype: 'f32', threads: 2 } as const

export async function withFile<T>(bytes: Uint8Array, use: (path: string) => Promise<T>, name = 'd.onnx'): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'facenet-detector-'))
  try {
    const path = join(folder, name)
    await writeFile(path, bytes)
    return await use(path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Also compared with onnxruntime. */
export const importBytes = (bytes: Uint8Array) =>
  withFile(bytes, async (path) => (await importDetector(path, { check: true }))!)

export function noise(width: number, height: number, seed = 1): RgbImage {
  const random = seeded(seed)
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random.uniform() * 256) }
}

/** 1 x 3 x H x W: what (pixel - mean) x scale makes of each channel, in this order of the image's. */
export function networkInput(
  { data, width, height }: RgbImage,
  channels: readonly [number, number, number],
  mean: readonly [number, number, number],
  scale: number,
): ort.Tensor {
  const pixels = width * height
  const values = Float32Array.from({ length: pixels * 3 }, (_, i) => {
    const channel = Math.floor(i / pixels)
    return (data[(i % pixels) * 3 + channels[channel]!]! - mean[channel]!) * scale
  })
  return new ort.Tensor('float32', values, [1, 3, height, width])
}

/** Outputs in the file's order. */
export async function runOnnx(bytes: Uint8Array, x: ort.Tensor): Promise<Float32Array[]> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 })
  const made = await session.run({ x })
  await session.release()
  return session.outputNames.map((name) => made[name]!.data as Float32Array)
}

export function assertNear(ours: Float32Array, theirs: Float32Array, limit: number, what: string): void {
  assert.is(ours.length, theirs.length, what)
  const largest = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9)
  const error = theirs.reduce((most, value, at) => Math.max(most, Math.abs(value - ours[at]!)), 0)
  assert.ok(error <= limit * largest, `${what}: differs by ${error} where the largest is ${largest}`)
}

/** Left, top, right and bottom side, score, and ten numbers of five points or none. */
export interface PlainFace {
  sides: [number, number, number, number]
  score: number
  points: number[]
}

/** The `nms` of these detectors, with boxes as areas: theirs count pixels, which adds 1 to every width and height. */
export function plainNms(faces: readonly PlainFace[], limit: number): PlainFace[] {
  const area = ([x1, y1, x2, y2]: PlainFace['sides']) => (x2 - x1) * (y2 - y1)
  const left = [...faces].sort((a, b) => b.score - a.score)
  const kept: PlainFace[] = []
  while (left.length > 0) {
    const best = left.shift()!
    kept.push(best)
    for (let i = left.length - 1; i >= 0; i--) {
      const [a, b] = [best.sides, left[i]!.sides]
      const w = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]))
      const h = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]))
      if ((w * h) / (area(a) + area(b) - w * h) > limit) left.splice(i, 1)
    }
  }
  return kept
}

/** Within `limit` pixels, best first. */
export function assertSameFaces(ours: readonly DetectedFace[], theirs: readonly PlainFace[], limit: number): void {
  assert.is(ours.length, theirs.length)
  for (const [i, { box, score, points }] of ours.entries()) {
    const face = theirs[i]!
    const found = [box.x, box.y, box.x + box.width, box.y + box.height, ...points]
    const expected = [...face.sides, ...face.points]
    assert.is(found.length, expected.length)
    for (const [at, value] of found.entries()) {
      assert.ok(Math.abs(value - expected[at]!) <= limit, `face ${i}, number ${at}: ${value} and ${expected[at]}`)
    }
    assert.ok(Math.abs(score - face.score) <= 1e-5, `score ${i}: ${score} and ${face.score}`)
  }
}
