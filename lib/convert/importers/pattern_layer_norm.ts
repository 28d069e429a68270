/** Normalisation by mean and variance, of the steps it is computed in. */
import { uniformValue } from './constants.js'
import type { Patterns, Rule } from './pattern_graph.js'
import { keepsAxes, reductionAxes, squared } from './pattern_norms.js'
import type { AttributeValue } from './source.js'

interface Centred {
  input: string
  axes: readonly number[]
}

/** x - mean(x) */
function centredOf(name: string | undefined, patterns: Patterns): Centred | undefined {
  const [input, mean] = patterns.producer(name, 'Sub')?.inputs ?? []
  const reduction = patterns.producer(mean, 'ReduceMean')
  if (input === undefined || reduction?.inputs[0] !== input || !keepsAxes(reduction)) return undefined
  return { input, axes: reductionAxes(reduction, patterns) }
}

/** (x - mean) / sqrt(mean((x - mean)²) + epsilon): the difference once, or once for each of its readers. */
export const recogniseLayerNorm: Rule = (node, patterns) => {
  if (node.op !== 'Div') return undefined
  const centred = centredOf(node.inputs[0], patterns)
  const root = patterns.producer(node.inputs[1], 'Sqrt')
  const sum = patterns.producer(root?.inputs[0], 'Add')
  const operand = sum && patterns.constantOperand(sum)
  const epsilon = uniformValue(operand?.constant)
  const variance = patterns.producer(operand?.other, 'ReduceMean')
  const squares = centredOf(squared(variance?.inputs[0], patterns), patterns)
  if (!centred || !variance || !squares || epsilon === undefined || !keepsAxes(variance)) return undefined
  const axes = reductionAxes(variance, patterns)
  const same = (other: readonly number[]) => other.join() === axes.join()
  if (centred.input !== squares.input || !same(centred.axes) || !same(squares.axes)) return undefined
  const attributes = new Map<string, AttributeValue>([
    ['axes', axes],
    ['epsilon', epsilon],
  ])
  return { op: 'LayerNorm', inputs: [centred.input], attributes }
}
