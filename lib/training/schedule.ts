/** How the learning rate changes while a network is trained. */
import { invalidArgument } from '../errors.js'

/** The factor of the learning rate of a step, 0 being the first, of `total` steps; above 0. */
export type Schedule = (step: number, total: number) => number

/** The end of `cosine`: a rate of zero would be no step. */
const least = 0.01

/**
 * How the learning rate changes while a network is trained: `constant`; `cosine`, half a wave from the whole rate down
 * to a hundredth of it over all steps; or `step:<factor>@<step>,<step>...`, which multiplies the rate by the factor
 * once more from each of the steps on.
 *
 * @param text one of the three.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT
 *
 * @example
 * ```ts
 * const schedule = parseSchedule('step:0.1@2000,3000')
 * const rate = 0.05 * schedule(2500, 4000) // 0.005
 * ```
 */
export function parseSchedule(text: string): Schedule {
  if (text === 'constant') return () => 1
  if (text === 'cosine') {
    return (step, total) => least + (1 - least) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, step / total)))
  }
  const [, factor, steps] = /^step:(\d*\.?\d+(?:e-?\d+)?)@(\d+(?:,\d+)*)$/.exec(text) ?? []
  if (factor === undefined || !(Number(factor) > 0)) {
    throw invalidArgument(
      'schedule',
      'constant, cosine, or step:<factor>@<step>,<step>... as in step:0.1@2000,3000',
      text,
    )
  }
  const changes = steps!.split(',').map(Number)
  return (step) => Number(factor) ** changes.filter((change) => step >= change).length
}

/** Whether the rate depends on how many steps there will be. */
export const needsTotal = (schedule: string): boolean => schedule === 'cosine'
