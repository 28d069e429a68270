/** Recipes for random graphs of up to 40 layers; fast-check shortens one that fails. */
import fc from 'fast-check'

const number = fc.nat({ max: 1000 })

export const choices = fc.array(fc.record({ kind: number, from: number, other: number, size: fc.nat({ max: 14 }) }), {
  minLength: 1,
  maxLength: 40,
})
