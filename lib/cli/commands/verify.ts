/** `facenet verify`: are these two photographs of one person? */
import { FaceNetError, openModel, pairwiseDistances } from '../../index.js'
import { type Probability, probabilitySame } from '../../models/calibration.js'
import { readAlignment, withDetector } from '../common/alignment.js'
import { describeThreshold, thresholdFacts, thresholdFor } from '../common/threshold.js'
import type { Context } from '../context.js'
import type { VerifyOptions } from '../options/images.js'
import { embedOne } from './embed_one.js'

export async function run(context: Context<VerifyOptions>): Promise<void> {
  const { options } = context
  const alignment = readAlignment(context)
  await using model = await openModel(options.model, context.opening())
  const [first, second] = context.operands as [string, string]
  const [rows, threshold, a, b] = await withDetector(context, alignment, async (alignment) => {
    const rows = { fingerprint: model.fingerprint, preparation: model.preparationOf(alignment) }
    const how = { ...alignment, ...context.limits() }
    return [
      rows,
      await thresholdFor(options.threshold, model, rows, options),
      await embedOne(model, first, how, context.reading()),
      await embedOne(model, second, how, context.reading()),
    ] as const
  })
  const { dimensions } = model
  const [distance] = await pairwiseDistances(a, { dimensions, b, device: options.device })
  if (distance === undefined || !Number.isFinite(distance)) {
    throw new FaceNetError('ERR_FACENET_NOT_FINITE', `The distance of ${first} and ${second} is ${distance}`)
  }
  const same = threshold === undefined ? null : distance < threshold.value
  const probability = probabilitySame(distance, rows)
  if (context.json) {
    const facts = threshold ? thresholdFacts(threshold) : {}
    const passedOver = context.passedOver.total > 0 ? { passedOver: context.passedOver } : {}
    const judged = { distance, threshold: threshold?.value ?? null, ...facts, same, probability: probability ?? null }
    await context.print(JSON.stringify({ ...judged, ...passedOver }))
  } else {
    const below = threshold ? describeThreshold(threshold) : 'not known'
    await context.print(`${verdict(same)} (squared distance ${distance.toFixed(4)}, threshold ${below})`)
    await context.print(describeProbability(probability))
  }
}

function describeProbability(probability: Probability | undefined): string {
  if (!probability) return 'probability same not known for this model and alignment'
  return `probability same ${Number(probability.same.toFixed(3))} (${probability.protocol})`
}

function verdict(same: boolean | null): string {
  return same === null ? 'no verdict' : same ? 'same person' : 'different people'
}
