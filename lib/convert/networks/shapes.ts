/** Shapes of a graph's activations and tensors, from its nodes alone, by the rules of `native/ops`. */
import type { GraphDescription, GraphNode } from '../../../types/graph.js'
import type { NodeReport, NodeTensor, Shape } from '../../../types/native.js'
import { invalidModel } from '../../errors.js'
import { native, nativeCallSync } from '../../native/addon.js'

export type { NodeTensor, Shape }

/** What a node makes of its inputs. Throws ERR_FACENET_MODEL_INVALID, naming the node, where they do not fit. */
export function inferNode(node: GraphNode, inputs: readonly Shape[]): NodeReport {
  return nativeCallSync(() => native().inferNode(node, inputs))
}

export function outputShape(node: GraphNode, inputs: readonly Shape[]): Shape {
  return inferNode(node, inputs).shape
}

/** What every node makes, in the order of the graph. */
export function inferGraph(graph: GraphDescription): (NodeReport & { node: GraphNode })[] {
  const { name, height, width, channels } = graph.input
  const shapes = new Map<string, Shape>([[name, [height, width, channels]]])
  return graph.nodes.map((node) => {
    const report = inferNode(node, inputShapes(node, shapes))
    shapes.set(node.name, report.shape)
    return { node, ...report }
  })
}

/** Shape of every activation by name, the graph's input included. */
export function activationShapes(graph: GraphDescription): Map<string, Shape> {
  const { name, height, width, channels } = graph.input
  const made = inferGraph(graph).map(({ node, shape }) => [node.name, shape] as const)
  return new Map<string, Shape>([[name, [height, width, channels]], ...made])
}

export function inputShapes(node: GraphNode, shapes: ReadonlyMap<string, Shape>): Shape[] {
  return node.inputs.map((input) => {
    const shape = shapes.get(input)
    if (!shape) throw invalidModel(`input of ${node.name}`, 'the name of an earlier node', input)
    return shape
  })
}

/** Shape of every tensor of a graph by name, in the order of the nodes. */
export function tensorShapes(graph: GraphDescription): Map<string, readonly number[]> {
  return new Map(inferGraph(graph).flatMap(({ tensors }) => tensors.map(({ name, shape }) => [name, shape] as const)))
}
