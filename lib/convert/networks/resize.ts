/** Networks of convolutions and windows alone take images of any size. */
import type { GraphDescription } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'

/** The same network on an input of another size. Throws where a fully connected layer is bound to one. */
export function atSize(graph: GraphDescription, height: number, width: number): GraphDescription {
  const bound = graph.nodes.find(({ op }) => op === 'fully_connected')
  if (bound && (height !== graph.input.height || width !== graph.input.width)) {
    throw invalidModel(bound.name, `an input of ${graph.input.height}x${graph.input.width}`, `${height}x${width}`)
  }
  return { ...graph, input: { ...graph.input, height, width } }
}
