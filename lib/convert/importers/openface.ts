/**
 * Networks in Torch7's format (`.t7`). `nn4.small2.v1.t7` of OpenFace is recognised by its layers: its size, its input rule and its names
 * are then those of our table (`networks/nn4_small2.ts`). Of other networks the caller has to say them.
 */
import { basename, extname } from 'node:path'
import type { GraphDescription, GraphNode } from '../../../types/graph.js'
import { invalidArgument } from '../../errors.js'
import type { ModelContents } from '../../files/model/model_file.js'
import type { Tensor } from '../../files/model/tensor.js'
import { networks } from '../networks/index.js'
import { type InputOptions, inputNumbers } from './lower.js'
import { readTorch7 } from './torch7.js'
import { torch7Modules } from './torch7_modules.js'
import { Torch7Network } from './torch7_network.js'
import type { WeightsFile } from './weights_file.js'

type Options = InputOptions & { graph?: string }
type Preprocess = Extract<GraphNode, { op: 'preprocess' }>
type Rule = Preprocess['attributes']

/** Of OpenFace's networks. */
const usualSize = [96, 96] as const
const openface = networks['nn4.small2']

/** Throws ERR_FACENET_MODEL_INVALID where the file is damaged or has modules that are not read. */
export async function importTorch7(weights: WeightsFile, options: Options): Promise<ModelContents> {
  const { graph, size, color } = options
  if (graph !== undefined) throw invalidArgument('graph', 'nothing beside a .t7 file', graph)
  if (color === 'grey') throw invalidArgument('color', 'rgb or bgr', color)
  const { path } = weights
  const bytes = await weights.bytes()
  const root = readTorch7(bytes, path)
  const found = Torch7Network.read(root, [path, bytes.length], size ?? usualSize, torch7Modules)
  const same = correspondence(found.graph, found.output, openface)
  if (same) {
    const renamed = [...same.tensors].map(([to, from]) => [to, found.tensors.get(from)!] as [string, Tensor])
    const notes = { license: 'Apache-2.0', source: 'https://github.com/cmusatyalab/openface, nn4.small2' }
    return { graph: withRule(same.graph, options), tensors: new Map(renamed), ...notes }
  }
  const only = 'which the file does not say, and of which only nn4.small2 is known'
  if (!size) throw invalidArgument('size', `the size of the input, ${only} (--size; the option size)`, 'none')
  if (options.mean === undefined && options.scale === undefined) {
    throw invalidArgument('mean and scale', `the input rule, ${only} (--mean and --scale)`, 'neither')
  }
  const name = basename(path, extname(path))
  return { graph: withRule({ ...found.graph, name }, options), tensors: found.tensors }
}

/** What the caller says of the input; else it stays as it is. */
function withRule(graph: GraphDescription, { mean, scale, color }: Options): GraphDescription {
  const stated = mean !== undefined || scale !== undefined
  const nodes = graph.nodes.map((node): GraphNode => {
    if (node.op !== 'preprocess') return node
    const numbers = { mean: inputNumbers('mean', mean ?? 0), scale: inputNumbers('scale', scale ?? 1) }
    const attributes: Rule = { ...node.attributes, ...(stated && numbers), ...(color && { color }) }
    return { ...node, attributes }
  })
  return { ...graph, nodes }
}

/** The table's graph of these layers, and its tensors by name: their names in the file. Undefined where a layer is another. */
function correspondence(
  found: GraphDescription,
  dimensions: number,
  known: typeof openface,
): { graph: GraphDescription; tensors: Map<string, string> } | undefined {
  const graph = known.graph({ dimensions })
  if (graph.nodes.length !== found.nodes.length || graph.input.height !== found.input.height) return undefined
  const [ours, theirs] = [graph, found].map(({ nodes }) => new Map(nodes.map((node) => [node.name, node]))) as [
    Map<string, GraphNode>,
    Map<string, GraphNode>,
  ]
  const tensors = new Map<string, string>()
  const seen = new Map<string, string>()
  /** From the output on: nodes may stand in another order, inputs may not. */
  const isSame = (a: string, b: string): boolean => {
    if (seen.has(a)) return seen.get(a) === b
    seen.set(a, b)
    const [x, y] = [ours.get(a), theirs.get(b)]
    if (!x || !y || x.op !== y.op) return x === y
    if (x.op !== 'preprocess' && describe(x) !== describe(y)) return false
    const [own, other] = [tensorsOf(x), tensorsOf(y)]
    for (const [role, name] of Object.entries(own)) {
      if (!other[role]) return false
      tensors.set(name, other[role])
    }
    const counts = Object.keys(own).length === Object.keys(other).length && x.inputs.length === y.inputs.length
    return counts && x.inputs.every((input, i) => isSame(input, y.inputs[i]!))
  }
  return isSame(graph.outputs[0]!, found.outputs[0]!) ? { graph, tensors } : undefined
}

const tensorsOf = (node: GraphNode): Readonly<Record<string, string>> =>
  'tensors' in node ? (node.tensors as Record<string, string>) : {}

function describe(node: GraphNode): string {
  const attributes = 'attributes' in node ? (node.attributes ?? {}) : {}
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))
}
