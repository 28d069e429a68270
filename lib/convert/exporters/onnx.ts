/** Networks as ONNX models. */
import type { GraphDescription, GraphNode } from '../../../types/graph.js'
import { invalidArgument, invalidModel } from '../../errors.js'
import type { ModelNotes } from '../../files/model/metadata.js'
import type { Tensors } from '../../files/model/tensor.js'
import { activationShapes } from '../networks/shapes.js'
import { OnnxBuilder, type ValueInfo } from './onnx_builder.js'
import { asFlat, type EmitContext, emitNode } from './onnx_ops.js'
import { poolOpset } from './onnx_pools.js'
import { emitPreprocess } from './onnx_preprocess.js'
import type { Value } from './onnx_value.js'

/** Options of `exportOnnx`. */
export interface ExportOnnxOptions {
  /** Images of one run; `dynamic` (the default) leaves it open. */
  batch?: 'dynamic' | number
  /** 13..21; unless told 18, or 19 where an average over dilated windows takes it. */
  opset?: number
  /**
   * The model takes N x H x W x 3 uint8 RGB images and normalises them itself. Otherwise it takes N x C x H x W floats that
   * have been through the network's preprocess op.
   */
  includePreprocess?: boolean
  /** LRN as the op (the default), or as a 1x1 convolution over squares, which some engines run faster. */
  lrn?: 'op' | 'convolution'
  /** Kept in the model's properties, where `facenet import` finds them again. */
  notes?: ModelNotes
}

/**
 * The bytes of an `.onnx` file. Its input bears the name of the graph's input. Outputs come in the order of the graph's: N x C
 * where they have one pixel (named `<output>/flat` where that took a Flatten), N x C x H x W otherwise. Weights become fp32.
 *
 * @param graph the network.
 * @param tensors its weights by name.
 * @param options batch, opset, and how preprocessing and LRN are written.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT for an option out of its range; ERR_FACENET_MODEL_INVALID where the
 *   graph or its tensors cannot be written.
 *
 * @example
 * ```ts
 * import { writeFile } from 'node:fs/promises'
 *
 * const { metadata, graph } = await readModel('m.safetensors')
 * const { values } = await readTensors('m.safetensors')
 * await writeFile('m.onnx', exportOnnx(graph, values, { includePreprocess: true, notes: metadata }))
 * ```
 */
export function exportOnnx(graph: GraphDescription, tensors: Tensors, options: ExportOnnxOptions = {}): Uint8Array {
  const oldest = Math.max(18, ...graph.nodes.map(poolOpset))
  const { batch = 'dynamic', opset = oldest, includePreprocess = false, lrn = 'op', notes = {} } = options
  if (!Number.isInteger(opset) || opset < 13 || opset > 21) throw invalidArgument('options.opset', '13..21', opset)
  if (batch !== 'dynamic' && (!Number.isSafeInteger(batch) || batch < 1)) {
    throw invalidArgument('options.batch', "'dynamic' or an integer of at least 1", batch)
  }
  const context: EmitContext = { builder: new OnnxBuilder(opset), tensors, lrn }
  const count = batch === 'dynamic' ? 'N' : batch
  const shapes = activationShapes(graph)
  const values = new Map<string, Value>()
  const input = emitInput(context, graph, includePreprocess, count, values)
  for (const node of graph.nodes) {
    if (node.op === 'preprocess') continue
    const inputs = node.inputs.map((name) => inputOf(values, node, name))
    values.set(node.name, emitNode(context, node, inputs, shapes.get(node.name)!))
  }
  const outputs = graph.outputs.map((name) => emitOutput(context, name, values.get(name), count))
  return context.builder.encode(graph.name, input, outputs, properties(graph, includePreprocess, notes))
}

function inputOf(values: ReadonlyMap<string, Value>, node: GraphNode, name: string): Value {
  const value = values.get(name)
  if (!value) throw invalidModel(`input of ${node.name}`, 'the name of an earlier node', name)
  return value
}

/** The model's input, and the value that the network's first layer reads. */
function emitInput(
  { builder }: EmitContext,
  { input, nodes }: GraphDescription,
  includePreprocess: boolean,
  count: number | string,
  values: Map<string, Value>,
): ValueInfo {
  const { name, height, width } = input
  const preprocess = nodes.find((node) => node.op === 'preprocess')
  if (!preprocess) {
    values.set(name, { name, shape: [height, width, input.channels], flat: false })
    return { name, type: 'float', shape: [count, input.channels, height, width] }
  }
  const channels = preprocess.attributes.color === 'grey' ? 1 : 3
  const value: Value = { name, shape: [height, width, channels], flat: false }
  if (includePreprocess) value.name = emitPreprocess(builder, preprocess, name, height * width * channels)
  values.set(preprocess.name, value)
  if (includePreprocess) return { name, type: 'uint8', shape: [count, height, width, 3] }
  return { name, type: 'float', shape: [count, channels, height, width] }
}

function emitOutput(
  { builder }: EmitContext,
  name: string,
  value: Value | undefined,
  count: number | string,
): ValueInfo {
  if (!value) throw invalidModel('graph.outputs', 'names of nodes', name)
  const [height, width, channels] = value.shape
  if (height * width > 1) return { name, type: 'float', shape: [count, channels, height, width] }
  if (value.flat) return { name, type: 'float', shape: [count, channels] }
  const flat = asFlat(builder, value)
  return { name: flat.name, type: 'float', shape: [count, channels] }
}

/** What ONNX has no place for: the preprocessing that the caller has to do, and the notes. */
function properties(graph: GraphDescription, includePreprocess: boolean, notes: ModelNotes): Record<string, string> {
  const preprocess = graph.nodes.find((node) => node.op === 'preprocess')
  const entries: [string, string | undefined][] = [
    ['preprocess', preprocess && !includePreprocess ? JSON.stringify(preprocess.attributes) : undefined],
    ['alignment', notes.alignment],
    ['threshold', notes.threshold && JSON.stringify(notes.threshold)],
    ['license', notes.license],
    ['source', notes.source],
  ]
  return Object.fromEntries(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])))
}
