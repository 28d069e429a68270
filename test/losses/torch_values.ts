/** Values by PyTorch, of torch_losses.py, and the inputs that it has made them of. */
import { readFileSync } from 'node:fs'
import type { LossName, LossOptions } from '../../lib/index.js'
import { gridValues, seeded } from '../support/random.js'

interface Stored {
  torch: string
  sizes: { rows: number; dimensions: number; classes: number; features: number; rate: number }
  labels: number[]
  cases: {
    kind: LossName
    options: Omit<LossOptions, 'kind'>
    factor: number
    loss: number
    gradient: number[]
    classGradient?: number[]
  }[]
  steps: { kind: LossName; options: Omit<LossOptions, 'kind'>; losses: number[] }[]
}

export const stored: Stored = JSON.parse(readFileSync(new URL('torch_losses.json', import.meta.url), 'utf8'))
export const { sizes, labels } = stored

export const grid = (count: number, seed: number): Float32Array => gridValues(count, seeded(seed))

export const rowsOf = (factor: number): Float32Array =>
  grid(sizes.rows * sizes.dimensions, 1).map((value) => value * factor)
export const classes = (): Float32Array => grid(sizes.classes * sizes.dimensions, 2)

/** With numClasses where the loss has classes. */
export const lossOf = (kind: LossName, options: Omit<LossOptions, 'kind'>, withClasses: boolean): LossOptions => ({
  kind,
  ...options,
  ...(withClasses && { numClasses: sizes.classes }),
})
