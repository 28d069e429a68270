/** `facenet import`: other formats' weights as a model file. */
import { importDetector } from '../../convert/importers/import_detector.js'
import { importModel } from '../../convert/importers/import_model.js'
import { type DetectorContents, writeDetector } from '../../files/model/detector_file.js'
import { writeModel } from '../../files/model/model_file.js'
import { templates } from '../../images/index.js'
import { type Context, UsageError } from '../context.js'

export async function run(context: Context): Promise<void> {
  const [weights] = context.operands
  const out = context.required('out')
  if (!/\.safetensors$/i.test(out)) throw new UsageError(`--out ends in .safetensors, and ${out} does not`)
  const graph = context.text('graph')
  const detector = graph === undefined ? await importDetector(weights!) : undefined
  if (detector) return importedDetector(context, detector, out)
  const contents = await importModel(weights!, {
    graph,
    size: inputSize(context.text('size')),
    color: context.oneOf('color', ['rgb', 'bgr', 'grey']),
    mean: context.numbers('mean'),
    scale: context.numbers('scale'),
    name: context.text('name'),
    threshold: context.number('threshold'),
    alignment: alignment(context.text('alignment')),
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

/** Options of embedding networks, which a detector has no use for. */
const ofNetworks = ['size', 'color', 'mean', 'scale', 'name', 'threshold', 'alignment']

async function importedDetector(context: Context, contents: DetectorContents, out: string): Promise<void> {
  const needless = ofNetworks.find((name) => context.text(name) !== undefined)
  if (needless)
    throw new UsageError(`--${needless} is not for detectors, and these are weights of ${contents.detector}`)
  const { detector, fingerprint } = await writeDetector(out, contents)
  if (context.json) await context.print(JSON.stringify({ out, detector, fingerprint }))
  else context.say(`the face detector ${detector}, written to ${out}`)
}

function alignment(name: string | undefined): string | undefined {
  const known = name === undefined || name === 'none' || Object.hasOwn(templates, name)
  if (known || /^margin:\d{1,4}(\.\d{1,4})?%?$/.test(name)) return name
  throw new UsageError(`--alignment is dlib, arcface112, margin:<pixels>, margin:<percent>% or none, not ${name}`)
}

/** `112x112` or, square, `112`: height before width. */
function inputSize(text: string | undefined): [number, number] | undefined {
  if (text === undefined) return undefined
  const [, height, width = height] = /^([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?$/.exec(text) ?? []
  if (!height) throw new UsageError(`--size is height x width, as 112x112, not ${text}`)
  return [Number(height), Number(width)]
}
