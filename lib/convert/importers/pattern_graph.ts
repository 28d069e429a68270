/** The part of a node list that has been read: what the rules of `patterns.ts` look at, and what they make of it. */
import { uniformValue } from './constants.js'
import { foldConstant } from './fold.js'
import { FoldBudget } from './fold_budget.js'
import type { AttributeValue, Constant, SourceModel, SourceNode } from './source.js'

/** What a node stands for; its outputs stay. */
export interface Replacement {
  op: string
  inputs: string[]
  attributes?: ReadonlyMap<string, AttributeValue>
}

export type Rule = (node: SourceNode, patterns: Patterns) => Replacement | undefined

/** The nodes so far, by what they make. */
export class Patterns {
  readonly constants: Map<string, Constant>
  private readonly model: SourceModel
  private readonly nodes: SourceNode[] = []
  private readonly producers = new Map<string, SourceNode>()
  private readonly budget: FoldBudget

  /** `foldedAtLeast`: elements that constants may be computed to where the file has none. */
  constructor(model: SourceModel, foldedAtLeast?: number) {
    this.model = model
    this.budget = new FoldBudget(foldedAtLeast)
    this.constants = new Map(model.constants)
  }

  add(node: SourceNode, rules: readonly Rule[]): void {
    if (this.fold(node)) return
    let made = node
    for (const rule of rules) {
      const replacement = rule(node, this)
      if (!replacement) continue
      made = { ...node, attributes: new Map(), ...replacement }
      break
    }
    this.nodes.push(made)
    for (const output of made.outputs) this.producers.set(output, made)
  }

  /** The node that makes `name`, where it has one of these ops. */
  producer(name: string | undefined, ...ops: string[]): SourceNode | undefined {
    const node = name === undefined ? undefined : this.producers.get(name)
    return node && ops.includes(node.op) ? node : undefined
  }

  /** One input of a node as a constant, the other by its name; undefined where not exactly one of two is constant. */
  constantOperand(node: SourceNode): { constant: Constant; other: string } | undefined {
    const [a, b, ...more] = node.inputs
    if (a === undefined || b === undefined || more.length > 0) return undefined
    const [left, right] = [this.constants.get(a), this.constants.get(b)]
    if (left && !right) return { constant: left, other: b }
    return right && !left ? { constant: right, other: a } : undefined
  }

  /** The value of an input that is one number. */
  number(name: string | undefined): number | undefined {
    return name ? uniformValue(this.constants.get(name)) : undefined
  }

  newConstant(base: string, constant: Constant): string {
    let name = base
    while (this.constants.has(name) || this.producers.has(name)) name += '_'
    this.constants.set(name, constant)
    return name
  }

  finish(): SourceModel {
    const needed = new Set(this.model.outputs)
    const kept = this.nodes.reverse().filter((node) => {
      if (!node.outputs.some((output) => needed.has(output))) return false
      for (const input of node.inputs) needed.add(input)
      return true
    })
    const constants = [...this.constants].filter(([name]) => needed.has(name))
    return { ...this.model, nodes: kept.reverse(), constants: new Map(constants) }
  }

  private fold(node: SourceNode): boolean {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : this.constants.get(name)))
    if (inputs.some((input, i) => input === undefined && node.inputs[i] !== '')) return false
    const made = foldConstant(node, inputs, this.budget)
    if (!made) return false
    made.forEach((constant, i) => {
      this.constants.set(node.outputs[i]!, constant)
    })
    return true
  }
}
