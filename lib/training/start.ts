/** What training starts from: a network with random weights, or a model that is trained on. */
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import { network, networkNames } from '../convert/networks/index.js'
import { initialWeights } from '../convert/networks/initialize.js'
import { activationShapes, tensorShapes } from '../convert/networks/shapes.js'
import { invalidArgument, invalidModel } from '../errors.js'
import { type FileSource, fileSource } from '../files/file_source.js'
import { checkGraph } from '../files/model/graph_schema.js'
import type { ModelNotes } from '../files/model/metadata.js'
import { f32Tensor, type Tensors, toFloat32 } from '../files/model/tensor.js'
import { readWholeModel } from '../files/model/whole_model.js'
import { checkInMemory, type ModelInMemory } from '../model/in_memory.js'
import { networkOptionsOf, type TrainerOptions } from './options.js'

export interface Start {
  graph: GraphDescription
  tensors: Tensors
  notes: ModelNotes
}

/** `source`: a network's name, the path of a model file, or a model in memory. */
export async function startOf(
  source: FileSource | ModelInMemory,
  options: TrainerOptions,
  seed: number,
): Promise<Start> {
  const { alignment } = options
  if (typeof source === 'string' && (networkNames as readonly string[]).includes(source.toLowerCase())) {
    const graph = network(source).graph(networkOptionsOf(options))
    return { graph, tensors: initialWeights(graph, seed), notes: { alignment } }
  }
  const { batchNorm, norm, l2Pool } = options
  const [unused] = Object.entries({ batchNorm, norm, l2Pool }).find(([, value]) => value !== undefined) ?? []
  if (unused) throw invalidArgument(`options.${unused}`, 'nothing: the layers of a model are given', 'a value')
  const { graph, tensors, notes } = await load(source)
  const start = { graph, tensors, notes: { ...notes, threshold: undefined, alignment: alignment ?? notes.alignment } }
  return options.dimensions === undefined ? start : { ...start, ...withDimensions(start, options.dimensions, seed) }
}

async function load(source: FileSource | ModelInMemory): Promise<Start> {
  const file = fileSource(source, 'source')
  if (file !== undefined) {
    const { graph, metadata, values } = await readWholeModel(file)
    const { alignment, producer, license, source: origin } = metadata
    return { graph, tensors: ofGraph(graph, values), notes: { alignment, producer, license, source: origin } }
  }
  const expected = `a network (${networkNames.join(', ')}), the bytes of a model file, a file: URL, a path`
  const { graph, tensors, notes } = checkInMemory(source, expected)
  const { alignment, producer, license, source: origin } = notes
  return { graph, tensors: ofGraph(graph, tensors), notes: { alignment, producer, license, source: origin } }
}

/** Only what the graph names: a checkpoint that is trained on from scratch leaves its optimiser behind. */
function ofGraph(graph: GraphDescription, tensors: Tensors): Tensors {
  const names = tensorShapes(graph)
  return new Map(
    [...tensors].flatMap(([name, tensor]) =>
      names.has(name) ? [[name, f32Tensor(tensor.shape, toFloat32(tensor))]] : [],
    ),
  )
}

/** Another size of embedding: the last layer with weights starts anew, the others keep theirs. */
function withDimensions(
  { graph, tensors }: Start,
  dimensions: number,
  seed: number,
): { graph: GraphDescription; tensors: Tensors } {
  const last = lastWeighted(graph)
  const resized = graph.nodes.map((node): GraphNode => {
    if (node !== last) return node
    if (node.op === 'fully_connected') {
      return { ...node, attributes: { ...node.attributes, outFeatures: dimensions } }
    }
    if (node.op === 'conv2d') return { ...node, attributes: { ...node.attributes, outChannels: dimensions } }
    return node
  })
  const changed = { ...graph, nodes: resized }
  const shapes = tensorShapes(changed)
  const before = tensorShapes(graph)
  if ([...shapes].every(([name, shape]) => shape.join() === before.get(name)!.join())) return { graph, tensors }
  const initial = initialWeights(changed, seed)
  return {
    graph: checkGraph(changed),
    tensors: new Map(
      [...shapes].map(([name, shape]) => {
        const kept = tensors.get(name)
        const fits = kept && shape.join() === before.get(name)!.join()
        return [name, fits ? kept : initial.get(name)!]
      }),
    ),
  }
}

/** The convolution or fully connected layer that makes the embedding's values, before what leaves their number alone. */
function lastWeighted(graph: GraphDescription): GraphNode {
  const shapes = activationShapes(graph)
  const channels = (of: string) => shapes.get(of)?.[2]
  let name = graph.outputs[0]
  for (;;) {
    const node = graph.nodes.find((candidate) => candidate.name === name)
    if (node?.op === 'fully_connected' || node?.op === 'conv2d') return node
    const [input, ...more] = node?.inputs ?? []
    const follows = input !== undefined && more.length === 0 && channels(name!) === channels(input)
    if (!node || !follows) {
      throw invalidModel(`last layer of ${graph.name}`, 'a fully connected layer or a convolution', node?.op ?? 'none')
    }
    name = input
  }
}
