/** The preprocess op in ONNX: N x H x W x 3 uint8 RGB to N x C x H x W floats, for models that take images themselves. */
import type { GraphNode } from '../../../types/graph.js'
import type { OnnxBuilder } from './onnx_builder.js'

type Preprocess = Extract<GraphNode, { op: 'preprocess' }>

/** Returns the name of the network's input: the node's own. */
export function emitPreprocess(builder: OnnxBuilder, node: Preprocess, image: string, pixels: number): string {
  const { name, attributes } = node
  const floats = builder.node('Cast', `${name}/floats`, [image], { to: { int: 1 } })
  const planes = builder.node('Transpose', `${name}/planes`, [floats], { perm: { ints: [0, 3, 1, 2] } })
  const ordered = emitColor(builder, node, planes)
  if (attributes.mode === 'per-image') return emitStandardization(builder, name, ordered, pixels)
  const { mean = [0], scale = [1] } = attributes
  const constant = (what: string, values: number[]) =>
    builder.floats(`${name}/${what}`, values.length === 1 ? [] : [values.length, 1, 1], values)
  const centred = builder.node('Sub', `${name}/centred`, [ordered, constant('mean', mean)])
  return builder.node('Mul', name, [centred, constant('scale', scale)])
}

function emitColor(builder: OnnxBuilder, { name, attributes: { color } }: Preprocess, planes: string): string {
  if (color === 'rgb') return planes
  if (color === 'bgr') {
    return builder.node('Gather', `${name}/bgr`, [planes, builder.ints(`${name}/order`, [2, 1, 0])], {
      axis: { int: 1 },
    })
  }
  // ITU-R BT.601 luma.
  const luma = builder.floats(`${name}/luma`, [1, 3, 1, 1], [0.299, 0.587, 0.114])
  return builder.node('Conv', `${name}/grey`, [planes, luma])
}

/** (x - m) / max(sd, 1 / sqrt(elements)), m and sd over all elements of an image. */
function emitStandardization(builder: OnnxBuilder, name: string, planes: string, elements: number): string {
  const mean = builder.reduce('ReduceMean', `${name}/mean`, planes, [1, 2, 3], true)
  const centred = builder.node('Sub', `${name}/centred`, [planes, mean])
  const squares = builder.node('Mul', `${name}/squares`, [centred, centred])
  const variance = builder.reduce('ReduceMean', `${name}/variance`, squares, [1, 2, 3], true)
  const deviation = builder.node('Sqrt', `${name}/deviation`, [variance])
  const floor = builder.scalar(`${name}/least`, 1 / Math.sqrt(elements))
  return builder.node('Div', name, [centred, builder.node('Clip', `${name}/clipped`, [deviation, floor])])
}
