/** Networks made small enough for the emulator, and parts cut out of them. */
import { activationShapes } from '../../lib/convert/networks/shapes.js'
import type { GraphDescription } from '../../types/graph.js'

/**
 * The network with a `divisor`th of the channels in every convolution, and of the features in every fully connected layer
 * but the last, on images of another size. Throws where an add no longer fits. Its tensors are those of `tensorShapes`.
 */
export function narrowed(
  graph: GraphDescription,
  divisor: number,
  [height, width]: readonly [height: number, width: number],
): GraphDescription {
  const share = (count: number) => Math.ceil(count / divisor)
  const last = graph.nodes.findLast(({ op }) => op === 'fully_connected')
  const nodes = graph.nodes.map((node) => {
    if (node.op === 'conv2d') {
      return { ...node, attributes: { ...node.attributes, outChannels: share(node.attributes.outChannels) } }
    }
    if (node.op !== 'fully_connected' || node === last) return node
    return { ...node, attributes: { outFeatures: share(node.attributes.outFeatures) } }
  })
  const result = { ...graph, input: { ...graph.input, height, width }, nodes }
  activationShapes(result)
  return result
}

/** The nodes after `from` up to `to`, as a graph that reads `from` as fp32 and gives `to`. */
export function cut(graph: GraphDescription, from: string, to: string): GraphDescription {
  const names = graph.nodes.map(({ name }) => name)
  const [height, width, channels] = activationShapes(graph).get(from)!
  const nodes = graph.nodes.slice(names.indexOf(from) + 1, names.indexOf(to) + 1)
  return {
    name: `${graph.name} ${to}`,
    input: { name: from, height, width, channels, dtype: 'f32' },
    nodes,
    outputs: [to],
  }
}

/** The nodes up to `to`. */
export function beginning(graph: GraphDescription, to: string): GraphDescription {
  const end = graph.nodes.findIndex(({ name }) => name === to) + 1
  return { ...graph, name: `${graph.name} ${to}`, nodes: graph.nodes.slice(0, end), outputs: [to] }
}
