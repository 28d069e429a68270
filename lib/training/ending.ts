/** When a training run is over. */
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

function endingOf({ settings, state, minutes }: Run): Ending | undefined {
  if (state.batches >= settings.steps) return 'steps'
  if (minutes !== undefined && state.seconds >= 60 * minutes) return 'minutes'
  if (settings.patience > 0 && state.sinceBest >= settings.patience) return 'patience'
  return undefined
}

/** Before each step: whether there is none. In a group rank 0 says it to all, and how the learning rate is lowered. */
export async function decide(run: Run): Promise<Ending | undefined> {
  const { group, state } = run
  const own = { ending: endingOf(run), rateFactor: state.rateFactor }
  if (!group) return own.ending
  const { ending, rateFactor } = await group.fromFirst(own)
  state.rateFactor = rateFactor
  return ending
}
