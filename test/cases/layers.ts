/** The layers of a network as cases of single ops, at their real sizes: each op, shape and attributes once. */
import { inferGraph, inputShapes } from '../../lib/convert/networks/shapes.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'
import { inputName } from './op_case.js'

/** Without the preprocess, which is no op on activations. */
export function layersOf(graph: GraphDescription): TableCase[] {
  const shapes = new Map<string, Shape>()
  const cases = new Map<string, TableCase>()
  for (const report of inferGraph(graph)) {
    const { node, shape } = report
    shapes.set(node.name, shape)
    if (node.op === 'preprocess') continue
    const item = layer(graph.name, node, inputShapes(node, shapes))
    const { name, ...content } = item
    const key = JSON.stringify(content)
    if (!cases.has(key)) cases.set(key, item)
  }
  return [...cases.values()]
}

function layer(network: string, node: GraphNode, inputs: Shape[]): TableCase {
  const attributes = 'attributes' in node ? node.attributes : undefined
  const tensors = 'tensors' in node ? Object.keys(node.tensors) : undefined
  return {
    name: `${network} ${node.name}: ${node.op} of ${inputs.map((shape) => shape.join('x')).join(', ')}`,
    inputs,
    nodes: [
      opNode(node.op, {
        inputs: inputs.map((_, i) => inputName(i)),
        ...(attributes ? { attributes } : {}),
        ...(tensors ? { tensors } : {}),
      }),
    ],
  }
}
