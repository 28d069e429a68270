/** Functions of one value in the oracle: by op, from the attributes and the rounding of each operation. */
import type { GraphNode } from '../../types/graph.js'
import type { Call, NodeOf } from './activations.js'

type Round = (value: number) => number

const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high)
const expm1 = (r: Round, x: number) => r(Math.expm1(x))
const sigmoid = (r: Round, x: number) => r(1 / r(1 + r(Math.exp(-x))))

/** 2 / sqrt(pi) e^(-x²) times the sum of 2^n x^(2n + 1) / (1 3 5 ... (2n + 1)), whose terms all have one sign. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x)
  let [sum, term] = [0, x]
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    sum += term
    term *= (2 * x * x) / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

const functions = {
  sigmoid: (_, r) => (x) => sigmoid(r, x),
  hard_sigmoid:
    ({ attributes: { alpha = 0.2, beta = 0.5 } = {} }, r) =>
    (x) =>
      clamp(r(r(alpha * x) + beta), 0, 1),
  swish:
    ({ attributes: { alpha = 1 } = {} }, r) =>
    (x) =>
      r(x * sigmoid(r, r(alpha * x))),
  hard_swish: (_, r) => (x) => r(x * clamp(r(r(x / 6) + 0.5), 0, 1)),
  tanh: (_, r) => (x) => r(Math.tanh(x)),
  elu:
    ({ attributes: { alpha = 1 } = {} }, r) =>
    (x) =>
      x > 0 ? x : r(alpha * expm1(r, x)),
  selu:
    ({ attributes: { alpha = 1.6732631921768188, gamma = 1.0507010221481323 } = {} }, r) =>
    (x) =>
      r(gamma * (x > 0 ? x : r(alpha * expm1(r, x)))),
  softplus: (_, r) => (x) => r(Math.max(x, 0) + r(Math.log1p(r(Math.exp(-Math.abs(x)))))),
  gelu: (_, r) => (x) => r(x * r(0.5 + r(0.5 * r(erf(x * Math.SQRT1_2))))),
  gelu_tanh: (_, r) => (x) => {
    const inner = r(Math.sqrt(2 / Math.PI) * r(x + r(0.044715 * r(x * r(x * x)))))
    return r(0.5 * r(x * r(1 + r(Math.tanh(inner)))))
  },
  clip:
    ({ attributes: { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = {} }) =>
    (x) =>
      clamp(x, min, max),
} satisfies { [Op in GraphNode['op']]?: (node: NodeOf<Op>, r: Round) => (x: number) => number }

function pointwise(node: GraphNode, { inputs, out, precision }: Call): void {
  const make = functions[node.op as keyof typeof functions] as (node: GraphNode, r: Round) => (x: number) => number
  const value = make(node, precision.arithmetic)
  out.data.set(inputs[0]!.data.map((x) => value(x)))
}

/** For the table of loops. */
export const pointwiseLoops = Object.fromEntries(Object.keys(functions).map((op) => [op, pointwise])) as Record<
  keyof typeof functions,
  typeof pointwise
>
