/** Inception blocks as rows of the paper's tables, and what networks made of them share. */
import type { Layer, WindowOptions } from './builder.js'

/**
 * A row of the paper's tables. A zero leaves a convolution out: `#1x1`, a whole pair, or the projection (then the pooled
 * input is passed through). A stride of 2 is that of the row's 3x3, 5x5 and pooling.
 */
export type InceptionRow = readonly [
  name: string,
  conv1x1: number,
  conv3x3: readonly [reduce: number, out: number],
  conv5x5: readonly [reduce: number, out: number],
  pool: readonly [kind: 'max' | 'l2', projection: number],
  stride?: number,
]

export interface InceptionOptions {
  /** The window of a block's pooling. Default: 3x3 with the row's stride and the network's padding. */
  poolWindow?: (kind: 'max' | 'l2') => WindowOptions
  /** The order of the branches in the concatenation. Default: that of the table's columns. */
  order?: readonly Branch[]
}
export type Branch = '1x1' | '3x3' | '5x5' | 'pool'

/** One block. Branches that come out smaller than the others are padded with zeros before the concatenation. */
export function inception(input: Layer, row: InceptionRow, options: InceptionOptions = {}): Layer {
  const [name, conv1x1, conv3x3, conv5x5, [kind, projection], stride = 1] = row
  const { poolWindow = () => ({ kernel: 3, stride }), order = ['1x1', '3x3', '5x5', 'pool'] } = options
  const branches = new Map<Branch, Layer>()
  if (conv1x1) branches.set('1x1', input.conv(`${name}/1x1`, conv1x1))
  for (const [branch, kernel, [reduce, out]] of [
    ['3x3', 3, conv3x3],
    ['5x5', 5, conv5x5],
  ] as const) {
    if (!out) continue
    const reduced = input.conv(`${name}/${branch}-reduce`, reduce)
    branches.set(branch, reduced.conv(`${name}/${branch}`, out, { kernel, stride }))
  }
  const pooled = input.pool(`${name}/pool`, kind, poolWindow(kind))
  branches.set('pool', projection ? pooled.conv(`${name}/pool-projection`, projection) : pooled)

  const [height, width] = branches.get('3x3')!.shape
  const padded = order.flatMap((branch) => branches.get(branch)?.padTo(`${name}/${branch}-pad`, height, width) ?? [])
  return input.network.concat(name, padded)
}

export function inceptions(input: Layer, rows: readonly InceptionRow[], options?: InceptionOptions): Layer {
  return rows.reduce((x, row) => inception(x, row, options), input)
}

export interface StemWidths {
  conv1: readonly [kernel: number, channels: number]
  conv2: readonly [reduce: number, channels: number]
}

/** conv1 to pool2, an eighth of the input's size; NN2, NN3, NN4 and nn4.small2 have the paper's widths. */
export function inceptionStem(image: Layer, widths: StemWidths = { conv1: [7, 64], conv2: [64, 192] }): Layer {
  const [kernel, channels] = widths.conv1
  return image
    .conv('conv1', channels, { kernel, stride: 2 })
    .pool('pool1', 'max', { kernel: 3, stride: 2 })
    .lrn('norm1')
    .conv('inception2/3x3-reduce', widths.conv2[0])
    .conv('inception2/3x3', widths.conv2[1], { kernel: 3 })
    .lrn('norm2')
    .pool('pool2', 'max', { kernel: 3, stride: 2 })
}
