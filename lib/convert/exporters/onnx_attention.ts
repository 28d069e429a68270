/** Normalisation over channels, and attention across them, in the steps that ONNX has operators for. */
import type { OnnxBuilder } from './onnx_builder.js'
import type { Named, Value } from './onnx_value.js'

/** ONNX's operator came with opset 17, and wants the channels last. */
export function emitLayerNorm(builder: OnnxBuilder, { name, attributes }: Named<'layer_norm'>, input: string): string {
  const mean = builder.reduce('ReduceMean', `${name}/mean`, input, [1], true)
  const centred = builder.node('Sub', `${name}/centred`, [input, mean])
  const squares = builder.node('Mul', `${name}/squares`, [centred, centred])
  const variance = builder.reduce('ReduceMean', `${name}/variance`, squares, [1], true)
  const sum = builder.node('Add', `${name}/sum`, [variance, builder.scalar(`${name}/epsilon`, attributes.epsilon)])
  return builder.node('Div', name, [centred, builder.node('Sqrt', `${name}/deviation`, [sum])])
}

/** Inputs N x C x H x W; `scale`: one a head. */
export function emitAttention(
  builder: OnnxBuilder,
  { name, attributes }: Named<'cross_covariance_attention'>,
  inputs: readonly Value[],
  scale: Float32Array,
): string {
  const { heads, epsilon = 1e-12 } = attributes
  const [{ shape }] = inputs as [Value]
  const [height, width, channels] = shape
  const byHeads = builder.ints(`${name}/heads`, [0, heads, channels / heads, height * width])
  const smallest = builder.scalar(`${name}/epsilon`, epsilon)
  const [q, k, v] = inputs.map((input, i) => builder.node('Reshape', `${name}/${'qkv'[i]}`, [input.name, byHeads])) as [
    string,
    string,
    string,
  ]
  const unit = (rows: string) => {
    const length = builder.reduce('ReduceL2', `${rows}/length`, rows, [-1], true)
    return builder.node('Div', `${rows}/unit`, [rows, builder.node('Clip', `${rows}/clipped`, [length, smallest])])
  }
  const turned = builder.node('Transpose', `${name}/turned`, [unit(k)], { perm: { ints: [0, 1, 3, 2] } })
  const cosines = builder.node('MatMul', `${name}/cosines`, [unit(q), turned])
  const scales = builder.floats(`${name}/scale`, [heads, 1, 1], scale)
  const logits = builder.node('Mul', `${name}/logits`, [cosines, scales])
  const weights = builder.node('Softmax', `${name}/weights`, [logits], { axis: { int: -1 } })
  const attended = builder.node('MatMul', `${name}/attended`, [weights, v])
  return builder.node('Reshape', name, [attended, builder.ints(`${name}/shape`, [0, channels, height, width])])
}
