/**
 * A node list in JSON beside weights in safetensors:
 * `{ input, output, nodes: [{ op, in, out, attr }], int_consts: { name: integers }, meta: { source, license } }`,
 * ops and attributes as in ONNX. Every tensor of the weights is a constant of its name.
 */
import { invalidModel } from '../../errors.js'
import { toFloat32 } from '../../files/model/tensor.js'
import { readAtMost } from '../../files/read_bounded.js'
import { isObject, parseStrictJson } from '../../files/strict_json.js'
import { integers } from './constants.js'
import type { AttributeValue, Constant, SourceModel, SourceNode } from './source.js'
import type { WeightsFile } from './weights_file.js'

/** Some megabytes are a network of ten thousand nodes: it is parsed on the JavaScript thread. */
const maxGraphBytes = 16 * 2 ** 20

export async function readGraphJson(weights: WeightsFile, graph: string): Promise<SourceModel> {
  const { values, metadata } = await weights.safetensors()
  const constants = new Map<string, Constant>()
  for (const [name, tensor] of values) constants.set(name, { dims: tensor.shape, data: toFloat32(tensor) })
  const text = await readText(graph)
  return parseGraphJson(text, constants, Object.fromEntries(metadata))
}

async function readText(path: string): Promise<string> {
  const bytes = await readAtMost(path, maxGraphBytes, (size) =>
    invalidModel(path, `a graph of at most ${maxGraphBytes} bytes`, `${size} bytes`),
  )
  return Buffer.from(bytes).toString('utf8')
}

/** `notes`: what the weights say about themselves, used where the graph says nothing. */
export function parseGraphJson(
  text: string,
  constants: Map<string, Constant>,
  notes: Record<string, unknown> = {},
): SourceModel {
  const graph = parseStrictJson(text, 'graph')
  if (!isObject(graph)) throw invalidModel('graph', 'a JSON object', graph)
  if (!Array.isArray(graph.nodes)) throw invalidModel('graph.nodes', 'an array', graph.nodes)
  for (const [name, values] of Object.entries(isObject(graph.int_consts) ? graph.int_consts : {})) {
    constants.set(name, integers(integerList(values, `graph.int_consts.${name}`)))
  }
  const meta = { ...notes, ...(isObject(graph.meta) ? graph.meta : {}) }
  return {
    name: '',
    input: { name: nameOf(graph.input, 'graph.input'), dims: [] },
    outputs: [nameOf(graph.output, 'graph.output')],
    nodes: graph.nodes.map(parseNode),
    constants,
    notes: { license: optionalText(meta.license), source: optionalText(meta.source) },
  }
}

function parseNode(value: unknown, index: number): SourceNode {
  const where = `graph.nodes[${index}]`
  if (!isObject(value)) throw invalidModel(where, 'an object', value)
  const attributes = value.attr ?? {}
  if (!isObject(attributes)) throw invalidModel(`${where}.attr`, 'an object', attributes)
  const entries = Object.entries(attributes).map(([key, entry]): [string, AttributeValue] => {
    if (typeof entry === 'number' || typeof entry === 'string') return [key, entry]
    if (Array.isArray(entry) && entry.every((item) => typeof item === 'number')) return [key, entry]
    throw invalidModel(`${where}.attr.${key}`, 'a number, a string or numbers', entry)
  })
  const outputs = textList(value.out, `${where}.out`)
  if (outputs.length === 0) throw invalidModel(`${where}.out`, 'at least one name', 'none')
  return {
    op: nameOf(value.op, `${where}.op`),
    name: optionalText(value.name) ?? '',
    inputs: textList(value.in, `${where}.in`),
    outputs,
    attributes: new Map(entries),
  }
}

function nameOf(value: unknown, argument: string): string {
  if (typeof value !== 'string' || value === '') throw invalidModel(argument, 'a name', value)
  return value
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function textList(value: unknown, argument: string): string[] {
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string')) {
    throw invalidModel(argument, 'an array of names', value)
  }
  return value
}

function integerList(value: unknown, argument: string): number[] {
  if (!Array.isArray(value) || !value.every(Number.isSafeInteger)) throw invalidModel(argument, 'integers', value)
  return value
}
