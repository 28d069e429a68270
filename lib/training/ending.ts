/** What comes next in a training run: another step, and at which rate, or the end. */
import { FaceNetError } from '../errors.js'
import type { Group } from './group/group.js'
import type { LoopSettings, LoopState } from './loop_state.js'

/** Why a run ended: all steps are done, the minutes are used up, or validation got no better for too long. */
export type Ending = 'steps' | 'minutes' | 'patience'

interface Run {
  settings: LoopSettings
  state: LoopState
  minutes?: number
  group?: Group
}

/** What rank 0 says to all before each step. */
interface Decision {
  ending?: Ending
  learningRate: number
  /** Steps that were done before. */
  batches: number
}

function endingOf({ settings, state, minutes }: Run): Ending | undefined {
  if (state.batches >= settings.steps) return 'steps'
  if (minutes !== undefined && state.seconds >= 60 * minutes) return 'minutes'
  if (settings.patience > 0 && state.sinceBest >= settings.patience) return 'patience'
  return undefined
}

/** Before each step; in a group by what rank 0 finds, where other processes may count time and steps otherwise. */
export async function decide(run: Run, schedule: (step: number, steps: number) => number): Promise<Decision> {
  const { group, state, settings } = run
  const learningRate = settings.learningRate * state.rateFactor * schedule(state.batches, settings.steps)
  const own: Decision = { ending: endingOf(run), learningRate, batches: state.batches }
  if (!group) return own
  const decision = await group.fromFirst(own)
  if (decision.batches === state.batches) return decision
  const message =
    `Rank ${group.rank} goes on from ${state.batches} steps, rank 0 from ${decision.batches}: ` +
    'copy the checkpoint of rank 0 to all machines'
  throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, {
    argument: 'resume',
    expected: `a checkpoint of ${decision.batches} steps`,
    received: `one of ${state.batches}`,
  })
}
