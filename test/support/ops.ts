/** One test body for every device: cases are data, and what a device may differ by is written here once. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { newCancel } from '../../lib/native/queue.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import type { DeviceKind, DType, PlanOptions, WeightSource } from '../../types/native.js'
import { addonFor, isLeftOut } from './addons.js'
import { evaluate, type Tensors } from './evaluate.js'
import { hasOnnxruntime, runExported } from './onnx.js'
import { f64, precisions, ulp } from './precision.js'

/** Devices under test: the specification, and every CPU backend this addon was built with. */
export const devices: DeviceKind[] = ['reference', 'cpu']
/** Those that run models: CUDA too (addons.ts). */
export const modelDevices: DeviceKind[] = isLeftOut ? devices : [...devices, 'cuda']
/** What a device can store activations in. */
export const dtypesOf = (device: DeviceKind): DType[] => (device === 'cpu' ? ['f32', 'bf16'] : ['f32', 'bf16', 'f16'])

export interface RunOptions extends PlanOptions {
  device?: DeviceKind
  threads?: number
}

/** Opens a model of `graph`, runs every image of `input` and closes it. An output holds count x elements. */
export async function runGraph(
  graph: GraphDescription,
  tensors: Tensors,
  input: Uint8Array | Float32Array,
  options: RunOptions = {},
): Promise<Float32Array[]> {
  return (await runModel(graph, tensors, input, options)).outputs
}

/** The same, with the names of the convolutions that the backend computed by Winograd's algorithm. */
async function runModel(
  graph: GraphDescription,
  tensors: Tensors,
  input: Uint8Array | Float32Array,
  { device = 'reference', threads = 1, ...plan }: RunOptions,
): Promise<{ outputs: Float32Array[]; byWinograd: string[] }> {
  const model = await addonFor(device).openModel(graph, weightSource(tensors), { device, threads, ...plan })
  try {
    const count = imageCount(graph, input)
    const outputs = model.outputs.map(
      ([height, width, channels]) => new Float32Array(count * height * width * channels),
    )
    await model.run(input, count, outputs, newCancel())
    const { plan, kernels } = model
    return { outputs, byWinograd: plan.steps.flatMap((step, i) => (/winograd/.test(kernels[i]!) ? step.layers : [])) }
  } finally {
    model.dispose()
  }
}

/** Tensors as one buffer, in the form the addon reads. */
export function weightSource(tensors: Tensors): WeightSource {
  const entries = Object.entries(tensors)
  const buffer = new Uint8Array(entries.reduce((bytes, [, { data }]) => bytes + data.byteLength, 0))
  let offset = 0
  return {
    buffer,
    tensors: entries.map(([name, { shape, data }]) => {
      const entry = { name, dtype: 'f32' as const, shape, offset, bytes: data.byteLength }
      buffer.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset)
      offset += data.byteLength
      return entry
    }),
  }
}

/** A graph on fp32 activations named `x`, of which the last node is the output. */
export function graphOf([height, width, channels]: [number, number, number], nodes: GraphNode[]): GraphDescription {
  return {
    name: 'case',
    input: { name: 'x', height, width, channels, dtype: 'f32' },
    nodes,
    outputs: [nodes.at(-1)!.name],
  }
}

export interface OpCase {
  name: string
  graph: GraphDescription
  tensors?: Tensors
  input: Uint8Array | Float32Array
  /** Small integers whose arithmetic is exact in fp32 and 16 bits: every device must give the very values. */
  exact?: boolean
  /** The values themselves, worked out by hand; implies `exact`. */
  expected?: number[]
  /** Whether onnxruntime gives a second opinion, on the graph as it is exported. */
  peer?: boolean
}

/**
 * Registers every case on every device in fp32 and in 16 bits, the latter with all activations of its ops in 16 bits and
 * with the fp32 input read as it is.
 */
export function testCases(cases: OpCase[]): void {
  for (const item of cases) {
    for (const device of modelDevices) {
      for (const dtype of dtypesOf(device)) {
        test(`${item.name} (${device}, ${dtype})`, () => checkCase(item, { device, dtype }))
        if (dtype === 'f32' || item.graph.input.dtype !== 'f32') continue
        test(`${item.name} (${device}, ${dtype} from an fp32 input)`, () =>
          checkCase(item, { device, dtype, copyInput: false }))
      }
    }
    if (!item.peer) continue
    if (hasOnnxruntime) test(`${item.name} (onnxruntime agrees)`, () => checkExported(item))
    else test.skip(`${item.name} (onnxruntime is not installed)`)
  }
}

/**
 * Runs a case and holds its outputs against the oracle, or against the expected values where they are exact. A graph's
 * ends are fp32 in the caller's memory, so in 16 bits a copy before each output, and unless told one after the input, put
 * the ops between them on 16-bit activations.
 */
export async function checkCase(item: OpCase, options: RunOptions & { copyInput?: boolean }): Promise<void> {
  const { copyInput = true, ...runOptions } = options
  const { tensors = {}, input, expected } = item
  let graph = item.graph
  if ((options.dtype ?? 'f32') !== 'f32') graph = withCopiedOutputs(copyInput ? withCopiedInput(graph) : graph)
  const { outputs, byWinograd } = await runModel(graph, tensors, input, runOptions)
  if (options.device === 'cpu' && !process.env.FACENET_ISA) {
    // More threads than images share the parts of each op, alike on every instruction set.
    const threads = imageCount(graph, input) + 2
    const together = await runModel(graph, tensors, input, { ...runOptions, threads, shareLayers: true })
    assert.equal(together.outputs, outputs, `${threads} threads`)
  }
  const exact = (item.exact ?? expected !== undefined) && byWinograd.length === 0
  if (!exact) return assertWithinPrecision(outputs, { ...item, graph }, options, byWinograd)
  const oracle = evaluate(graph, tensors, input, imageCount(graph, input), f64)
  assert.equal(
    outputs,
    oracle.map((values) => Float32Array.from(values)),
  )
  if (expected) assert.equal([...outputs[0]!], expected)
}

/**
 * The tolerance of the project: the largest error against fp64 is at most twice that of a plain loop in the same
 * precision. Where that loop happens to be exact a floor remains: in fp32 4 ulp of the largest output, for constants and
 * folded weights that are rounded to fp32 and for roots and powers that are not correctly rounded; in 16 bits half an ulp,
 * one rounding of an activation. The fp32 reference accumulates in fp64, so it has the floor alone.
 */
export function assertWithinPrecision(
  outputs: ArrayLike<number>[],
  item: OpCase,
  options: RunOptions,
  byWinograd: readonly string[] = [],
): void {
  const { graph, tensors = {}, input } = item
  const count = imageCount(graph, input)
  const dtype = options.dtype ?? 'f32'
  const oracle = evaluate(graph, tensors, input, count, f64)
  const loop = evaluate(graph, tensors, input, count, precisions[dtype], byWinograd)
  assert.is(outputs.length, oracle.length)
  oracle.forEach((values, i) => {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const floor = largest * (dtype === 'f32' ? 4 * ulp.f32 : ulp[dtype] / 2)
    const isReference = options.device === 'reference' && dtype === 'f32'
    const allowed = floor + (isReference ? 0 : 2 * largestError(loop[i]!, values))
    const error = largestError(outputs[i]!, values)
    assert.ok(error <= allowed, `output ${i} of ${item.name}: error ${error} is above ${allowed}`)
  })
}

/** The largest absolute difference; NaN where any value is. */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.is(actual.length, expected.length)
  let largest = 0
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(actual[i]! - expected[i]!))
  return largest
}

async function checkExported(item: OpCase): Promise<void> {
  const outputs = await runExported(item.graph, item.tensors ?? {}, item.input as Float32Array)
  assertWithinPrecision(outputs, item, { dtype: 'f32' })
}

function withCopiedInput(graph: GraphDescription): GraphDescription {
  const { name, dtype } = graph.input
  if (dtype === 'u8') return graph
  const rename = (from: string) => (from === name ? `${name}.copy` : from)
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename) }))
  return { ...graph, nodes: [copyOf(name), ...nodes] }
}

function withCopiedOutputs(graph: GraphDescription): GraphDescription {
  const copies = graph.outputs.map(copyOf)
  return { ...graph, nodes: [...graph.nodes, ...copies], outputs: copies.map(({ name }) => name) }
}

/** A 1x1 max pool. */
function copyOf(from: string): GraphNode {
  return {
    name: `${from}.copy`,
    op: 'max_pool',
    inputs: [from],
    attributes: { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0] },
  }
}

function imageCount({ input: { height, width, channels } }: GraphDescription, input: ArrayLike<number>): number {
  return input.length / (height * width * channels)
}
