/** The L2 norm at the end of an imported network, for embeddings that are compared by their angle. */
import type { GraphDescription, GraphNode } from '../../../types/graph.js'

/** The same graph, whose output has length 1. As it is where that is so already. */
export function withUnitLength(graph: GraphDescription): GraphDescription {
  const [output, ...others] = graph.outputs
  const last = graph.nodes.find(({ name }) => name === output)
  if (output === undefined || others.length > 0 || last?.op === 'l2_normalize') return graph
  const taken = new Set(graph.nodes.map(({ name }) => name))
  let name = 'unit_length'
  while (taken.has(name)) name += '_'
  const node: GraphNode = { name, op: 'l2_normalize', inputs: [output] }
  return { ...graph, nodes: [...graph.nodes, node], outputs: [name] }
}
