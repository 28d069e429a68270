/** A model that is in no file. */
import { types } from 'node:util'
import type { GraphDescription } from '../../types/graph.js'
import { invalidArgument } from '../errors.js'
import { checkGraph } from '../files/model/graph_schema.js'
import type { ModelNotes } from '../files/model/metadata.js'
import { givenTensor, type Tensors } from '../files/model/tensor.js'

/** A model in memory: a network's graph with its tensors, and what else is known of it. */
export interface ModelInMemory extends ModelNotes {
  /** The network. */
  graph: GraphDescription
  /** By the names in the graph. Float32Array: fp32 values. Uint16Array: the upper halves of fp32 values, bf16. */
  tensors: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array | Uint16Array }>
}

/** `expected` says what else would have been right. */
export function checkInMemory(
  source: unknown,
  expected: string,
): { graph: GraphDescription; tensors: Tensors; notes: ModelNotes } {
  const model = source as ModelInMemory
  if (typeof source !== 'object' || source === null || !model.graph || !types.isMap(model.tensors)) {
    throw invalidArgument('source', `${expected}, or an object with a graph and a Map of tensors`, source)
  }
  const { alignment, threshold, producer, license, source: origin } = model
  return {
    graph: checkGraph(model.graph),
    tensors: new Map([...model.tensors].map(([name, tensor]) => [name, givenTensor(name, tensor)])),
    notes: { alignment, threshold, producer, license, source: origin },
  }
}
