/** lrn: sizes, exponents, and alpha per element (TensorFlow) or per window (Caffe). */
import { opNode, type TableCase } from './case.js'

const constants = [
  { name: 'the constants of OpenFace', channels: 64, size: 5, alpha: 1e-4, beta: 0.75, bias: 1 },
  { name: 'a large alpha', channels: 48, size: 5, alpha: 1, beta: 0.75, bias: 2 },
  { name: 'an even size', channels: 21, size: 4, alpha: 0.5, beta: 0.5, bias: 1 },
  { name: 'a size of one', channels: 7, size: 1, alpha: 0.5, beta: 1, bias: 0.5 },
  { name: 'a size of nine', channels: 48, size: 9, alpha: 0.5, beta: 0.5, bias: 1 },
  { name: 'a window wider than the channels', channels: 3, size: 9, alpha: 0.3, beta: 0.75, bias: 1 },
  { name: 'a beta of its own', channels: 33, size: 3, alpha: 0.7, beta: 0.6, bias: 1.5 },
]

export const lrn: TableCase[] = (['element', 'window'] as const).flatMap((alphaPer) =>
  constants.map(({ name, channels, ...attributes }) => ({
    name: `lrn, alpha per ${alphaPer}: ${name}`,
    inputs: [[4, 5, channels]],
    nodes: [opNode('lrn', { attributes: { ...attributes, alphaPer } })],
    ...(attributes.size % 2 === 0 ? { noPeer: 'onnxruntime refuses windows of an even size' } : {}),
  })),
)
