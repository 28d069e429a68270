/**
 * Parameters and multiply-adds of a graph, counted as the FaceNet paper does.
 *
 * - Parameters: weights, biases, slopes, and scale and shift of batch normalisation; not its running statistics.
 * - Multiply-adds of one image: one for every weight that an output of a convolution or fully connected layer sums over.
 *   Biases are not counted. The rows of the paper's table 1 add one for each output's bias (conv1: 110 x 110 x 64 x
 *   (7 x 7 x 3 + 1) = 115 M); its totals are the same either way to the printed digits, so `biasAdds` stands apart.
 */
import type { GraphDescription } from '../../../types/graph.js'
import { elementCount } from '../../files/model/tensor.js'
import { inferGraph, type Shape } from './shapes.js'

export interface Count {
  parameters: number
  multiplyAdds: number
  /** Additions of biases, one an output. */
  biasAdds: number
}

/** A row of the paper's tables: all nodes whose names share what stands before the first `/`. */
export interface RowCount extends Count {
  row: string
  /** Of the row's last node. */
  output: Shape
}

export function countRows(graph: GraphDescription): RowCount[] {
  const rows = new Map<string, RowCount>()
  const counted = new Set<string>()
  for (const { node, shape, parameters, multiplyAdds, tensors } of inferGraph(graph)) {
    const row = node.name.split('/')[0]!
    const count = rows.get(row) ?? { row, output: shape, parameters: 0, multiplyAdds: 0, biasAdds: 0 }
    rows.set(row, count)
    count.output = shape
    // A tensor that several nodes share is counted once.
    const shared = tensors.filter(({ name, role }) => counted.has(name) && role !== 'mean' && role !== 'variance')
    count.parameters += parameters - shared.reduce((sum, { shape: extents }) => sum + elementCount(extents), 0)
    count.multiplyAdds += multiplyAdds
    for (const { name, role, shape: extents } of tensors) {
      counted.add(name)
      if (role === 'bias') count.biasAdds += shape[0] * shape[1] * extents[0]!
    }
  }
  return [...rows.values()]
}

export function countGraph(graph: GraphDescription): Count {
  const rows = countRows(graph)
  return {
    parameters: rows.reduce((sum, row) => sum + row.parameters, 0),
    multiplyAdds: rows.reduce((sum, row) => sum + row.multiplyAdds, 0),
    biasAdds: rows.reduce((sum, row) => sum + row.biasAdds, 0),
  }
}
