/** What `facenet train --distributed` is of. */
import { createHash } from 'node:crypto'
import { joinGroup } from '../../training/group/group.js'
import { checkGroupOptions } from '../../training/group/options.js'
import type { Loop } from '../../training/loop.js'
import type { Context } from '../context.js'
import type { TrainOptions } from '../options/train.js'
import { UsageError } from '../usage_error.js'

type TrainContext = Context<TrainOptions>

const placeOf = ({ options }: TrainContext) => (options.distributed ? checkGroupOptions({}, process.env) : undefined)

/** Whether this process writes checkpoints and validates: rank 0, or the only one. */
export const isFirst = (context: TrainContext): boolean => (placeOf(context)?.rank ?? 0) === 0

/** Of each batch. */
export function partOf(context: TrainContext): { index: number; of: number } | undefined {
  const place = placeOf(context)
  return place && { index: place.rank, of: place.worldSize }
}

/** Waits for the other processes, and takes over what the first one's trainer has. */
export async function joinOthers(context: TrainContext, loop: Loop): Promise<void> {
  const place = placeOf(context)
  if (!place) return
  const { trainer, settings } = loop
  if (settings.selection === 'offline') throw new UsageError('--distributed goes with --selection online')
  if (loop.teacher) throw new UsageError('--distributed goes without --teacher')
  // The chunk follows from each machine's memory, the rate from the step.
  const { chunk, learningRate, ...trained } = trainer.settings
  const digest = createHash('sha256')
    .update(JSON.stringify([trained, { ...settings, steps: 0 }]))
    .digest('hex')
  const what = `${trainer.name} of images and settings ${digest.slice(0, 12)}`
  context.say(`rank ${place.rank} of ${place.worldSize}: waiting for the others at ${place.address}:${place.port}`)
  loop.group = await joinGroup({ what, signal: context.signal })
  await trainer.join(loop.group)
}
