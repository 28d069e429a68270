/** The oracle's pools: over sliding windows and over whole images. */
import type { PoolAttributes } from '../../types/graph.js'
import { type Activations, at, type Call, forEachPixel, inside, type NodeOf } from './activations.js'

export function slidingPool(node: NodeOf<'max_pool' | 'avg_pool' | 'l2_pool'>, call: Call): void {
  pool(node.op, node.attributes, call)
}

function pool(op: 'max_pool' | 'avg_pool' | 'l2_pool', attributes: PoolAttributes, call: Call): void {
  const { inputs, out, precision } = call
  const [x] = inputs as [Activations]
  const r = precision.arithmetic
  const { kernel, stride, dilation = [1, 1], padding, countPadding = false, mean = false } = attributes
  const [top, left, bottom, right] = padding
  forEachPixel(out, (n, row, column) => {
    for (let c = 0; c < out.shape[2]; c++) {
      let [largest, sum, squares, divisor] = [Number.NEGATIVE_INFINITY, 0, 0, 0]
      for (let ky = 0; ky < kernel[0]; ky++) {
        for (let kx = 0; kx < kernel[1]; kx++) {
          const y = row * stride[0] + ky * dilation[0] - top
          const fromColumn = column * stride[1] + kx * dilation[1] - left
          const isInside = inside(x, y, fromColumn)
          if (isInside || (countPadding && y < x.shape[0] + bottom && fromColumn < x.shape[1] + right)) divisor++
          if (!isInside) continue
          const value = x.data[at(x, n, y, fromColumn, c)]!
          largest = Math.max(largest, value)
          sum = r(sum + value)
          squares = r(squares + r(value * value))
        }
      }
      const l2 = r(Math.sqrt(mean ? r(squares / divisor) : squares))
      out.data[at(out, n, row, column, c)] = op === 'max_pool' ? largest : op === 'avg_pool' ? r(sum / divisor) : l2
    }
  })
}

export function globalPool({ attributes: { kind, mean } }: NodeOf<'global_pool'>, call: Call): void {
  const [height, width] = call.inputs[0]!.shape
  pool(`${kind}_pool`, { kernel: [height, width], stride: [1, 1], padding: [0, 0, 0, 0], mean }, call)
}
