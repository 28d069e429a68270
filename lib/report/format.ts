/** Figures as a report prints them. */

/** `99.08 %`, the space not breaking. */
export const percent = (share: number, digits = 2): string => `${(share * 100).toFixed(digits)}\u00a0%`

/** A share on an axis: `5 %`, `0.1 %`. */
export const percentTick = (share: number): string => `${Number((share * 100).toPrecision(3))}\u00a0%`

/** `± 0.17 %`; nothing where there is no error. */
export const plusMinus = (error: number | null): string => (error === null ? '' : `±\u00a0${percent(error)}`)

export const count = (value: number): string => value.toLocaleString('en-US')

/** `1 face`, `2 faces` */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)}\u00a0${value === 1 ? one : many}`

/** Squared L2. */
export const distance = (value: number, digits = 3): string => value.toFixed(digits)

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** A false accept rate: `10⁻³` for powers of ten, else the number. */
export function rate(far: number): string {
  const exponent = Math.log10(far)
  if (far >= 1 || Math.abs(exponent - Math.round(exponent)) > 1e-9) return String(far)
  return `10⁻${[...String(-Math.round(exponent))].map((digit) => superscripts[Number(digit)]).join('')}`
}

/** `loss` of 12,000 as `12k`, of 0.034 as `0.034`. */
export function short(value: number): string {
  if (value === 0) return '0'
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`
  if (Math.abs(value) >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`
  return String(Number(value.toPrecision(3)))
}
