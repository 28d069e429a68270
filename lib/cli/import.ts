/** `facenet import`: other formats' weights as a model file. */
import { importModel } from '../importers/import_model.js'
import { writeModel } from '../model_file/model_file.js'
import { type Context, UsageError } from './context.js'

export async function run(context: Context): Promise<void> {
  const [weights] = context.operands
  const out = context.required('out')
  if (!/\.safetensors$/i.test(out)) throw new UsageError(`--out ends in .safetensors, and ${out} does not`)
  const contents = await importModel(weights!, {
    graph: context.text('graph'),
    size: inputSize(context.text('size')),
    color: context.oneOf('color', ['rgb', 'bgr', 'grey']),
    mean: context.numbers('mean'),
    scale: context.numbers('scale'),
    name: context.text('name'),
    threshold: context.number('threshold'),
    alignment: context.oneOf('alignment', ['dlib', 'arcface112', 'none']),
  })
  const metadata = await writeModel(out, contents)
  const { network, dimensions, unitLength, fingerprint, threshold } = metadata
  const [height, width] = metadata.inputSize
  if (context.json) {
    const inputSize = { height, width }
    const facts = { out, network, inputSize, dimensions, unitLength, threshold: threshold?.value ?? null, fingerprint }
    await context.print(JSON.stringify(facts))
    return
  }
  const length = unitLength ? '' : ', which are not of unit length'
  context.say(`${network}, ${height}x${width} to ${dimensions} floats${length}, written to ${out}`)
}

/** `112x112` or, square, `112`: height before width. */
function inputSize(text: string | undefined): [number, number] | undefined {
  if (text === undefined) return undefined
  const [, height, width = height] = /^([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?$/.exec(text) ?? []
  if (!height) throw new UsageError(`--size is height x width, as 112x112, not ${text}`)
  return [Number(height), Number(width)]
}
