/**
 * What a case of an op is. The tables of this folder are read by all that exercises single ops: test/ops (forward on every
 * device, and onnxruntime), test/kernels/training (gradients against finite differences; the CPU and, emulated or on a
 * GPU, CUDA against the reference) and bench/ops.ts.
 */
import type { GraphNode } from '../../types/graph.js'
import type { Shape } from '../../types/native.js'

export interface TableCase {
  /** Unique among all tables: the op and what is special about this case. */
  name: string
  /** Shapes of one image of the inputs `x`, `x1`, `x2`... */
  inputs: Shape[]
  /**
   * One op, or an op and what the planner fuses into it: activations, maxout, a residual, siblings of one input. Each
   * tensor is named as the node's field with the node's name before it: `y.weight`.
   */
  nodes: GraphNode[]
  /** Images, 3 unless told. */
  count?: number
  /** Values of the inputs are drawn from low..high, -2..2 unless told. */
  range?: [low: number, high: number]
  /** `distinct`: no two values nearly tie. `few`: many are equal. For ops that choose a maximum. */
  values?: 'distinct' | 'few'
  /** Values are moved or compared and nothing is rounded: every device gives the very numbers. */
  exact?: boolean
  /** Sums of products that are exact on small integers, which is then tested too. */
  integers?: boolean
  /** Roles of tensors that have one element for all channels. */
  shared?: ('scale' | 'shift' | 'slope' | 'mean' | 'variance')[]
  /** y overwrites x in training: the op's backward reads no x. */
  inPlace?: boolean
  /** The op's y are the network's embeddings, which are dense and fp32 in every training plan. */
  embeddings?: boolean
  /** Batch normalisation in training by its running statistics. */
  runningStatistics?: boolean
  /** Training plans do not fuse this: only the reference and the CPU can run it backward as one step. */
  fusedInModelsOnly?: boolean
  /** Why onnxruntime cannot be asked. */
  noPeer?: string
}

interface NodeOptions {
  name?: string
  inputs?: string[]
  attributes?: object
  /** Roles of its tensors, which bear the node's name before their own: `y.weight`. */
  tensors?: readonly string[]
}

/** A node of the op, `y` of `x` unless told. */
export function opNode(op: GraphNode['op'], options: NodeOptions = {}): GraphNode {
  const { name = 'y', inputs = ['x'], attributes, tensors } = options
  const names = tensors && Object.fromEntries(tensors.map((role) => [role, `${name}.${role}`]))
  return { name, op, inputs, ...(attributes ? { attributes } : {}), ...(names ? { tensors: names } : {}) } as GraphNode
}
