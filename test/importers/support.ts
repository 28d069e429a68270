/** What the tests of importers and model files share: where the data lies, running ONNX, and building source models. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as ort from 'onnxruntime-node'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ExportOnnxOptions, exportOnnx } from '../../lib/convert/exporters/onnx.js'
import type { AttributeValue, Constant, SourceModel, SourceNode } from '../../lib/convert/importers/source.js'
import { FaceNetError, type FaceNetErrorCode } from '../../lib/errors.js'
import { type Tensors, toFloat32 } from '../../lib/files/model/tensor.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import type { Tensors as PlainTensors } from '../support/evaluate.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const data = process.env.FACENET_DATA ?? join(root, '../shared/data')
export const faceApiManifest = join(
  root,
  'node_modules/@vladmandic/face-api/model/face_recognition_model-weights_manifest.json',
)

/** `test`, or a skipped one whose name says what is missing. */
export function testWith(path: string, name: string, body: () => Promise<void> | void): void {
  if (existsSync(path)) test(name, body)
  else test.skip(`${name} (there is no ${path})`, body)
}

/** Asserts that `action` throws or rejects with a FaceNetError of this code, or of any, whose message matches. */
export async function assertFails(
  action: () => unknown,
  code: FaceNetErrorCode | undefined,
  message: RegExp = /Expected/,
): Promise<void> {
  try {
    await action()
  } catch (error) {
    assert.instance(error, FaceNetError, String(error))
    if (code) assert.is((error as FaceNetError).code, code)
    assert.match((error as FaceNetError).message, message)
    return
  }
  assert.unreachable(`nothing was thrown, expected ${message}`)
}

export const modelFails = (action: () => unknown, message?: RegExp) =>
  assertFails(action, 'ERR_FACENET_MODEL_INVALID', message)

/** How many nodes of each op a graph has. */
export function countOps({ nodes }: GraphDescription): Partial<Record<GraphNode['op'], number>> {
  const counts: Partial<Record<GraphNode['op'], number>> = {}
  for (const { op } of nodes) counts[op] = (counts[op] ?? 0) + 1
  return counts
}

/** Exports a graph and runs it in onnxruntime. `input` is N x C x H x W, or N x H x W x 3 bytes. */
export async function runExported(
  graph: GraphDescription,
  tensors: Tensors,
  input: Float32Array | Uint8Array,
  dims: number[],
  options: ExportOnnxOptions = {},
): Promise<{ dims: readonly number[]; data: Float32Array }[]> {
  const session = await ort.InferenceSession.create(exportOnnx(graph, tensors, options), { logSeverityLevel: 3 })
  const tensor =
    input instanceof Uint8Array ? new ort.Tensor('uint8', input, dims) : new ort.Tensor('float32', input, dims)
  const outputs = await session.run({ [graph.input.name]: tensor })
  await session.release()
  return session.outputNames.map((name) => outputs[name] as unknown as { dims: readonly number[]; data: Float32Array })
}

export interface Fixture {
  file: string
  pixels: Uint8Array
  embedding: number[]
}

/** Face chips with the embeddings that another implementation computed for them. */
export async function readFixtures(folder: string, image: string, embedding: string): Promise<Fixture[]> {
  const { items } = JSON.parse(await readFile(join(data, 'fixtures', folder, 'reference.json'), 'utf8'))
  return Promise.all(
    items.map(async (item: Record<string, never>) => ({
      file: item[image],
      pixels: new Uint8Array(
        await sharp(join(data, 'fixtures', folder, item[image]!))
          .removeAlpha()
          .raw()
          .toBuffer(),
      ),
      embedding: item[embedding],
    })),
  )
}

/** Tensors as the plain evaluator takes them. */
export function plain(tensors: Tensors): PlainTensors {
  const entries = [...tensors].map(
    ([name, tensor]) => [name, { shape: tensor.shape, data: toFloat32(tensor) }] as const,
  )
  return Object.fromEntries(entries)
}

export function node(
  op: string,
  inputs: string[],
  output: string,
  attributes: Record<string, AttributeValue> = {},
): SourceNode {
  return { op, name: '', inputs, outputs: [output], attributes: new Map(Object.entries(attributes)) }
}

/** A source model from `x` to `y`. */
export function source(dims: number[], nodes: SourceNode[], constants: Record<string, Constant> = {}): SourceModel {
  return {
    name: 'case',
    input: { name: 'x', dims },
    outputs: ['y'],
    nodes,
    constants: new Map(Object.entries(constants)),
    notes: {},
    rule: { mean: [0], scale: [1] },
  }
}

export const floats = (dims: number[], values: ArrayLike<number>): Constant => ({
  dims,
  data: Float32Array.from(values),
})
export const whole = (values: number[]): Constant => ({ dims: [values.length], data: Float64Array.from(values) })
