/** y = x * scale + shift by channel: of activations, and of pixels as the input rule. */

/** Per channel: y = x * scale + shift. */
export interface Affine {
  scale: Float64Array
  shift: Float64Array
}

/** (pixel - mean) * scale, per channel of the network's input. */
export interface InputRule {
  color: 'rgb' | 'bgr' | 'grey'
  mean: number[]
  scale: number[]
  perImage: boolean
  /** Whether the file or the caller has said anything about mean and scale. */
  stated: boolean
}

/** ((p - mean) * scale) * a + b = (p - (mean - b / (scale * a))) * (scale * a) */
export function extendRule(rule: InputRule, { scale, shift }: Affine): void {
  const channels = shift.length
  const at = (values: number[], c: number) => values[values.length === 1 ? 0 : c]!
  const scales = Array.from({ length: channels }, (_, c) => at(rule.scale, c) * scale[c]!)
  rule.mean = Array.from({ length: channels }, (_, c) => at(rule.mean, c) - shift[c]! / scales[c]!)
  rule.scale = scales
  rule.stated = true
}

/** The second of the first. */
export function composed(first: Affine, next: Affine): Affine {
  return {
    scale: first.scale.map((scale, c) => scale * next.scale[c]!),
    shift: first.shift.map((shift, c) => shift * next.scale[c]! + next.shift[c]!),
  }
}

/** One value where all are equal. */
export function shortest(values: number[]): number[] {
  return values.every((value) => value === values[0]) ? values.slice(0, 1) : values
}
