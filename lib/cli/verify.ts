/** `facenet verify`: are these two images of one person? */
import { openModel, pairwiseDistances } from '../index.js'
import { type Alignment, readAlignment, withDetector } from './alignment.js'
import { type Context, UsageError } from './context.js'
import { embedFiles } from './embed_files.js'

export async function run(context: Context): Promise<void> {
  const options = context.modelOptions()
  const stated = context.number('threshold')
  if (stated !== undefined && stated < 0) throw new UsageError('--threshold is not below zero')
  const alignment = readAlignment(context, 'largest')
  if (alignment.faces === 'all') throw new UsageError('--faces is largest or one where two images are compared')
  await using model = await openModel(context.modelPath(), options)
  const embed = (alignment: Alignment) => embedFiles(model, context.operands, alignment, context.signal)
  const [a, b] = await withDetector(context, alignment, embed)
  const { dimensions } = model
  const [distance] = await pairwiseDistances(a!, { dimensions, b: b!, device: options.device })
  const threshold = stated ?? model.threshold
  const same = threshold === null ? null : distance! < threshold
  if (context.json) await context.print(JSON.stringify({ distance, threshold, same }))
  else
    await context.print(
      `${verdict(same)} (squared distance ${distance!.toFixed(4)}, threshold ${threshold ?? 'not known'})`,
    )
}

function verdict(same: boolean | null): string {
  return same === null ? 'no verdict' : same ? 'same person' : 'different people'
}
