/** Cross-covariance attention for the oracle. */
import { type Activations, at, type Call, channelValue, type NodeOf } from './activations.js'

type Attention = NodeOf<'cross_covariance_attention'>

export function crossCovarianceAttention({ attributes, tensors }: Attention, call: Call): void {
  const { inputs, out, precision } = call
  const [q, k, v] = inputs as [Activations, Activations, Activations]
  const { heads, epsilon = 1e-12 } = attributes
  const r = precision.arithmetic
  const [height, width, channels] = out.shape
  const size = channels / heads
  const pixels = [...Array(height * width).keys()]
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, p) => r(sum + r(x * b[p]!)), 0)

  for (let n = 0; n < out.count; n++) {
    for (let head = 0; head < heads; head++) {
      const members = [...Array(size).keys()].map((i) => head * size + i)
      const rows = (x: Activations) => members.map((c) => pixels.map((p) => x.data[at(x, n, 0, p, c)]!))
      const units = (x: Activations) =>
        rows(x).map((row) => {
          const length = Math.max(r(Math.sqrt(dot(row, row))), epsilon)
          return row.map((value) => r(value / length))
        })
      const [queries, keys, values] = [units(q), units(k), rows(v)]
      const scale = channelValue(call.tensors, tensors.scale, head, 1)
      queries.forEach((query, i) => {
        const logits = keys.map((key) => r(scale * dot(query, key)))
        const most = Math.max(...logits)
        const powers = logits.map((logit) => r(Math.exp(r(logit - most))))
        const total = powers.reduce((sum, power) => r(sum + power), 0)
        const weights = powers.map((power) => r(power / total))
        for (const p of pixels) {
          out.data[at(out, n, 0, p, members[i]!)] = dot(
            weights,
            values.map((row) => row[p]!),
          )
        }
      })
    }
  }
}
