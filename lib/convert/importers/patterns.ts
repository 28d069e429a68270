/**
 * Puts layers together again that converters took apart. Each rule looks at a node and the producers before it, and says
 * what the node stands for; what nobody reads afterwards is dropped. The ops made here, beside ONNX's own:
 *
 * - `Relu6`
 * - `L2Normalize` (attribute `epsilon`): x / max(||x||, epsilon) over the channels
 * - `LayerNorm` (attributes `axes`, `epsilon`): (x - mean) / sqrt(variance + epsilon) over the axes
 * - `L2Pool`: AveragePool's attributes; sqrt of the mean of squares
 * - `GlobalL2Pool`: the same over the whole image
 * - `CrossCovarianceAttention` (attribute `epsilon`): of queries, keys, values; a scale; the shapes that lengths were stretched to
 * - `Maxout` (attribute `pieces`)
 */
import { recogniseClamp, recognisePRelu } from './pattern_activations.js'
import { recogniseAttention } from './pattern_attention.js'
import { recogniseGate, recogniseHardSigmoid } from './pattern_gates.js'
import { Patterns, type Rule } from './pattern_graph.js'
import { recogniseLayerNorm } from './pattern_layer_norm.js'
import { recogniseL2Normalize, recogniseL2Pool, recogniseMaxout } from './pattern_norms.js'
import type { SourceModel } from './source.js'

const rules: readonly Rule[] = [
  recogniseClamp,
  recognisePRelu,
  recogniseHardSigmoid,
  recogniseGate,
  recogniseL2Normalize,
  recogniseLayerNorm,
  recogniseAttention,
  recogniseL2Pool,
  recogniseMaxout,
]

export function recognisePatterns(model: SourceModel, foldedAtLeast?: number): SourceModel {
  const patterns = new Patterns(model, foldedAtLeast)
  for (const node of model.nodes) patterns.add(node, rules)
  return patterns.finish()
}
