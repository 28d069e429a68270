import { test } from 'uvu'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'

interface Description {
  name: string
  channels: number
  size: number
  alpha: number
  beta: number
  bias: number
}

const descriptions: Description[] = [
  { name: 'the constants of OpenFace', channels: 64, size: 5, alpha: 1e-4, beta: 0.75, bias: 1 },
  { name: 'a large alpha', channels: 48, size: 5, alpha: 1, beta: 0.75, bias: 2 },
  { name: 'an even size', channels: 21, size: 4, alpha: 0.5, beta: 0.5, bias: 1 },
  { name: 'a size of one', channels: 7, size: 1, alpha: 0.5, beta: 1, bias: 0.5 },
  { name: 'a window wider than the channels', channels: 3, size: 9, alpha: 0.3, beta: 0.75, bias: 1 },
  { name: 'a beta of its own', channels: 33, size: 3, alpha: 0.7, beta: 0.6, bias: 1.5 },
]

function lrnCase({ name, channels, ...constants }: Description, alphaPer: 'element' | 'window', index: number): OpCase {
  const { size, alpha, beta, bias } = constants
  return {
    name: `lrn, alpha per ${alphaPer}: ${name}`,
    graph: graphOf([4, 5, channels], [{ name: 'y', op: 'lrn', inputs: ['x'], attributes: { ...constants, alphaPer } }]),
    input: gridValues(3 * 4 * 5 * channels, seeded(index)),
    onnx: {
      nodes: [
        {
          op: 'LRN',
          inputs: ['x'],
          outputs: ['y'],
          attributes: {
            size,
            // ONNX divides by the size of the window.
            alpha: { float: alphaPer === 'window' ? alpha : alpha * size },
            beta: { float: beta },
            bias: { float: bias },
          },
        },
      ],
    },
  }
}

/** onnxruntime refuses windows of an even size. */
function withoutOnnxForEvenSizes(item: OpCase, size: number): OpCase {
  const { onnx, ...rest } = item
  return size % 2 === 0 ? rest : item
}

for (const alphaPer of ['element', 'window'] as const) {
  testCases(descriptions.map((item, i) => withoutOnnxForEvenSizes(lrnCase(item, alphaPer, i), item.size)))
}

testCases([
  {
    // beta 1: y[c] = x[c] / (2 + the squares of c-1, c and c+1), and every sum here is a power of two.
    name: 'lrn: eight channels by hand',
    graph: graphOf(
      [1, 1, 8],
      [
        {
          name: 'y',
          op: 'lrn',
          inputs: ['x'],
          attributes: { size: 3, alpha: 1, beta: 1, bias: 2, alphaPer: 'element' },
        },
      ],
    ),
    input: Float32Array.of(1, 1, 2, 3, 1, 2, 1, 1),
    expected: [1 / 4, 1 / 8, 2 / 16, 3 / 16, 1 / 16, 2 / 8, 1 / 8, 1 / 4],
  },
])

test.run()
