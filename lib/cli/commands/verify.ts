/** `facenet verify`: are these two photographs of one person? Either may be the stored embedding of a face. */
import { checkPreparedAlike, isPreparedAlike, type Preparation } from '../../embeddings/preparation.js'
import { isStored } from '../../files/outputs/stored.js'
import { FaceNetError, type Model, openModel, pairwiseDistances } from '../../index.js'
import { type Probability, probabilitySame } from '../../models/calibration.js'
import { readAlignment, withDetector } from '../common/alignment.js'
import { storedRows } from '../common/stored.js'
import { describeThreshold, type Threshold, thresholdFacts, thresholdFor } from '../common/threshold.js'
import type { Context } from '../context.js'
import type { VerifyOptions } from '../options/images.js'
import { flagOf } from '../options/option.js'
import { UsageError } from '../usage_error.js'
import { embedOne, storedOne } from './embed_one.js'

/** One side of the comparison. */
interface Face {
  operand: string
  embedding: Float32Array
  /** Undefined where nobody said it. */
  preparation: Preparation | undefined
}

export async function run(context: Context<VerifyOptions>): Promise<void> {
  const { options, operands } = context
  if (operands.every(isStored)) refuseAligning(context)
  await using model = await openModel(options.model, context.opening())
  const stored = new Map<string, Face>()
  for (const operand of operands.filter(isStored)) stored.set(operand, await storedFace(operand, model, options))
  const { fingerprint, dimensions } = model
  const judge = (preparation: Preparation | undefined) =>
    thresholdFor(options.threshold, model, { fingerprint, preparation }, options)
  const [threshold, a, b] = operands.every(isStored)
    ? await bothStored(operands.map((operand) => stored.get(operand)!) as [Face, Face], judge, options)
    : await withPhotographs(context, model, stored, judge)
  const [distance] = await pairwiseDistances(a.embedding, { dimensions, b: b.embedding, device: options.device })
  if (distance === undefined || !Number.isFinite(distance)) {
    throw new FaceNetError('ERR_FACENET_NOT_FINITE', `The distance of ${a.operand} and ${b.operand} is ${distance}`)
  }
  const same = threshold === undefined ? null : distance < threshold.value
  // Curves were fitted to pairs of faces that were cut out alike.
  const alike = isPreparedAlike(a.preparation, b.preparation)
  const probability = alike ? probabilitySame(distance, { fingerprint, preparation: a.preparation! }) : undefined
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

/** What says how faces are cut out says nothing of those that were cut out before. */
function refuseAligning({ given }: Context): void {
  const needless = ['align', 'detector', 'faces', 'minSize', 'score', 'tryRotated'].find((name) => given.has(name))
  if (needless) throw new UsageError(`${flagOf(needless)} is for photographs, and both operands are stored embeddings`)
}

async function storedFace(operand: string, model: Model, options: VerifyOptions): Promise<Face> {
  const rows = await storedRows(operand, model, options)
  return { operand, embedding: storedOne(operand, rows), preparation: rows.preparation }
}

type Judge = (preparation: Preparation | undefined) => Promise<Threshold | undefined>
type Judged = readonly [Threshold | undefined, Face, Face]

async function bothStored([a, b]: [Face, Face], judge: Judge, { allowMixed }: VerifyOptions): Promise<Judged> {
  checkPreparedAlike(sideOf(a), sideOf(b), allowMixed)
  return [await judge(a.preparation ?? b.preparation), a, b]
}

/** One face is of a photograph, or both are. What could not be compared is said before anything is embedded. */
async function withPhotographs(
  context: Context<VerifyOptions>,
  model: Model,
  stored: ReadonlyMap<string, Face>,
  judge: Judge,
): Promise<Judged> {
  const { operands, options } = context
  return withDetector(context, readAlignment(context), async (alignment) => {
    const preparation = model.preparationOf(alignment)
    for (const face of stored.values()) {
      checkPreparedAlike(sideOf(face), { name: 'the photograph', preparation }, options.allowMixed)
    }
    const threshold = await judge(preparation)
    const how = { ...alignment, ...context.limits() }
    const faceOf = async (operand: string): Promise<Face> => {
      const kept = stored.get(operand)
      return kept ?? { operand, preparation, embedding: await embedOne(model, operand, how, context.reading()) }
    }
    return [threshold, await faceOf(operands[0]!), await faceOf(operands[1]!)]
  })
}

const sideOf = ({ operand, preparation }: Face) => ({ name: operand, preparation })

function describeProbability(probability: Probability | undefined): string {
  if (!probability) return 'probability same not known for this model and alignment'
  return `probability same ${Number(probability.same.toFixed(3))} (${probability.protocol})`
}

function verdict(same: boolean | null): string {
  return same === null ? 'no verdict' : same ? 'same person' : 'different people'
}
