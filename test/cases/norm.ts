/** batch_norm, instance_norm, layer_norm and affine. */
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'

const shape: Shape = [4, 5, 37]

function batchNorm(name: string, roles: string[], epsilon: number, more: Partial<TableCase> = {}): TableCase {
  return {
    name: `batch_norm${name}`,
    inputs: [shape],
    nodes: [opNode('batch_norm', { attributes: { epsilon }, tensors: ['mean', 'variance', ...roles] })],
    count: 4,
    ...more,
  }
}

const instanceNorm = (name: string, inputs: Shape[], more: Partial<TableCase> = {}): TableCase => ({
  name: `instance_norm${name}`,
  inputs,
  nodes: [opNode('instance_norm', { attributes: { epsilon: 1e-5 } })],
  ...more,
})

const layerNorm = (name: string, inputs: Shape[], more: Partial<TableCase> = {}): TableCase => ({
  name: `layer_norm${name}`,
  inputs,
  nodes: [opNode('layer_norm', { attributes: { epsilon: 1e-6 } })],
  ...more,
})

const affine = (name: string, roles: string[], more: Partial<TableCase> = {}): TableCase => ({
  name: `affine${name}`,
  inputs: [shape],
  nodes: [opNode('affine', { tensors: roles })],
  ...more,
})

export const norm: TableCase[] = [
  batchNorm('', ['scale', 'shift'], 1e-3, { range: [-1, 3] }),
  batchNorm(' without scale', ['shift'], 1e-5, { inputs: [[7, 3, 64]] }),
  batchNorm(' without scale and shift', [], 1e-5),
  batchNorm(' with one value for all channels', ['scale', 'shift'], 1e-3, {
    inputs: [[5, 6, 37]],
    count: 2,
    shared: ['scale', 'mean', 'variance'],
  }),
  batchNorm(' by running statistics', ['scale', 'shift'], 1e-3, { runningStatistics: true }),
  instanceNorm('', [shape], { range: [-1, 3] }),
  instanceNorm(' of many pixels', [[19, 17, 24]], { count: 2 }),
  instanceNorm(' of many channels', [[2, 4, 300]]),
  instanceNorm(' of values far from zero', [[5, 4, 20]], {
    range: [100, 104],
    noPeer: 'onnxruntime scales before it centres, and loses more to the mean than is allowed here',
  }),
  layerNorm('', [shape], { range: [-1, 3] }),
  layerNorm(' of few channels', [[7, 6, 3]]),
  layerNorm(' of many channels', [[2, 3, 304]]),
  layerNorm(' of a vector', [[1, 1, 192]]),
  layerNorm(' of values far from zero', [[5, 4, 20]], { range: [100, 104] }),
  affine('', ['scale', 'shift']),
  affine(', shift alone', ['shift']),
  affine(', scale alone', ['scale']),
  affine(', one value for all channels', ['scale', 'shift'], { shared: ['scale', 'shift'] }),
]
