/** fully_connected: orders of flattening, and what is fused behind it. */
import type { GraphNode } from '../../types/graph.js'
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'

interface Description extends Omit<TableCase, 'inputs' | 'nodes'> {
  input: Shape
  out: number
  order?: 'chw' | 'hwc'
  bias?: boolean
}

const layer = (name: string, { out, order = 'chw', bias = true }: Description) =>
  opNode('fully_connected', {
    name,
    attributes: { outFeatures: out, order },
    tensors: bias ? ['weight', 'bias'] : ['weight'],
  })

function plain(item: Description): TableCase {
  const { name, input, out, order, bias, ...rest } = item
  return { name: `fully_connected ${name}`, inputs: [input], nodes: [layer('y', item)], integers: true, ...rest }
}

function fused(item: Description, after: GraphNode[], more: Partial<TableCase> = {}): TableCase {
  const { integers, ...rest } = plain(item)
  return { ...rest, nodes: [layer('layer', item), ...after], ...more }
}

const relu = (from = 'layer') => opNode('relu', { inputs: [from] })
const maxout = (pieces: number, name = 'y') => opNode('maxout', { name, inputs: ['layer'], attributes: { pieces } })

export const fullyConnected: TableCase[] = [
  plain({ name: 'of a vector', input: [1, 1, 128], out: 64 }),
  plain({ name: 'without bias', input: [1, 1, 37], out: 19, bias: false }),
  plain({ name: 'flattened in C, H, W order', input: [3, 4, 10], out: 21, order: 'chw' }),
  plain({ name: 'flattened in H, W, C order', input: [3, 4, 10], out: 21, order: 'hwc' }),
  plain({ name: 'of one image', input: [7, 7, 32], out: 40, count: 1 }),
  plain({ name: 'of many images', input: [1, 1, 96], out: 128, count: 17 }),
  plain({ name: 'with one output', input: [2, 2, 3], out: 1 }),
  plain({ name: 'to embeddings', input: [1, 1, 70], out: 33, embeddings: true, count: 5 }),
  fused({ name: 'relu', input: [1, 1, 64], out: 32 }, [relu()]),
  fused({ name: 'of C, H, W order, relu', input: [3, 2, 20], out: 24, count: 5 }, [relu()]),
  fused({ name: 'of H, W, C order, relu6', input: [3, 2, 20], out: 24, order: 'hwc', count: 5 }, [
    opNode('relu6', { inputs: ['layer'] }),
  ]),
  fused({ name: 'maxout of two', input: [1, 1, 50], out: 24 }, [maxout(2)], { fusedInModelsOnly: true }),
  fused({ name: 'maxout of three, in C, H, W order', input: [2, 3, 8], out: 33 }, [maxout(3)], {
    fusedInModelsOnly: true,
  }),
  fused({ name: 'maxout of five, relu', input: [1, 1, 40], out: 50, order: 'hwc' }, [maxout(5, 'max'), relu('max')], {
    fusedInModelsOnly: true,
  }),
  fused({ name: 'prelu', input: [2, 3, 16], out: 17 }, [opNode('prelu', { inputs: ['layer'], tensors: ['slope'] })], {
    fusedInModelsOnly: true,
  }),
]
