/** Normalisation over channels, in the steps that ONNX has operators for. */
import type { OnnxBuilder } from './onnx_builder.js'
import type { Named } from './onnx_value.js'

/** ONNX's operator came with opset 17, and wants the channels last. */
export function emitLayerNorm(builder: OnnxBuilder, { name, attributes }: Named<'layer_norm'>, input: string): string {
  const mean = builder.reduce('ReduceMean', `${name}/mean`, input, [1], true)
  const centred = builder.node('Sub', `${name}/centred`, [input, mean])
  const squares = builder.node('Mul', `${name}/squares`, [centred, centred])
  const variance = builder.reduce('ReduceMean', `${name}/variance`, squares, [1], true)
  const sum = builder.node('Add', `${name}/sum`, [variance, builder.scalar(`${name}/epsilon`, attributes.epsilon)])
  return builder.node('Div', name, [centred, builder.node('Sqrt', `${name}/deviation`, [sum])])
}
