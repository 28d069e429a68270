/** What the export of each op is given. */
import type { GraphNode } from '../../../types/graph.js'
import type { Shape } from '../networks/shapes.js'

/** An activation: its name in the ONNX graph, its shape, and whether it is N x C rather than N x C x H x W. */
export interface Value {
  name: string
  shape: Shape
  flat: boolean
}

export type Named<Op extends GraphNode['op']> = Extract<GraphNode, { op: Op }>
