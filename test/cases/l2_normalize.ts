/** l2_normalize: rows of vectors, and of whole images. */
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'

const rows = (
  name: string,
  shape: Shape,
  more: Partial<TableCase> = {},
  attributes?: { epsilon: number },
): TableCase => ({
  name: `l2_normalize ${name}`,
  inputs: [shape],
  nodes: [opNode('l2_normalize', { ...(attributes ? { attributes } : {}) })],
  count: 5,
  ...more,
})

export const l2Normalize: TableCase[] = [
  rows('128 dimensions', [1, 1, 128]),
  rows('37 dimensions', [1, 1, 37]),
  rows('all elements of an image, not each pixel', [3, 2, 19], { count: 2 }),
  rows('small values', [1, 1, 64], { range: [-1 / 32, 1 / 32] }),
  rows('an epsilon above the norm', [1, 1, 64], {}, { epsilon: 100 }),
]
