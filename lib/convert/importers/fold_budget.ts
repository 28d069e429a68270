/**
 * What computing a file's constants may cost: a stated multiple of the constants that the file has, and a little for files that have
 * none. A thousand bytes can say of a constant thirty times that it is to be joined with itself.
 */
import { invalidModel } from '../../errors.js'
import { checkRank } from './constants.js'
import { type Constant, describeNode, type SourceNode } from './source.js'

/** Elements that may be made of nothing: 128 MiB where they are whole numbers. */
const foldedAtLeast = 2 ** 24
/** Elements that may be made, and elements that may be looked at, for each one of the file that is used. */
const [madePerElement, readPerElement] = [8, 64]
/** Inputs of one computed node. */
const maxInputs = 1024

export class FoldBudget {
  /** Values that were made, and those of the file that were used. */
  private readonly known = new Set<Constant['data']>()
  private fromFile = 0
  private made = 0
  private read = 0

  /** `atLeast`: elements that may be made where the file has none. */
  constructor(private readonly atLeast = foldedAtLeast) {}

  /** Throws where the node would look at more than what is left. */
  before(node: SourceNode, inputs: readonly (Constant | undefined)[]): void {
    if (inputs.length > maxInputs) {
      throw invalidModel(`inputs of ${describeNode(node)}`, `at most ${maxInputs} constants`, inputs.length)
    }
    for (const input of inputs) {
      if (!input) continue
      const { data } = input
      if (!this.known.has(data)) this.fromFile += data.length
      this.known.add(data)
      this.read += data.length
    }
    const most = this.atLeast * 4 + this.fromFile * readPerElement
    if (this.read > most) throw invalidModel('constants of the graph', `${most} values to compute with`, 'more')
  }

  /** Throws where more was made than what is left. */
  after(node: SourceNode, made: readonly Constant[]): void {
    for (const { dims, data } of made) {
      checkRank(node, dims.length)
      if (!this.known.has(data)) this.made += data.length
      this.known.add(data)
    }
    const most = this.atLeast + this.fromFile * madePerElement
    if (this.made > most) throw invalidModel('constants of the graph', `${most} computed values`, 'more')
  }
}
