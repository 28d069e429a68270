/** `facenet import`: other formats' weights as a model file. */
import type { ImportCheck } from '../../convert/importers/check.js'
import { detectorIn, type ImportedDetector } from '../../convert/importers/import_detector.js'
import { modelIn } from '../../convert/importers/import_model.js'
import { WeightsFile } from '../../convert/importers/weights_file.js'
import { writeDetector } from '../../files/model/detector_file.js'
import { writeModel } from '../../files/model/model_file.js'
import { alignmentsOf160 } from '../../images/templates.js'
import type { Context } from '../context.js'
import type { ImportOptions } from '../options/files.js'
import { flagOf } from '../options/option.js'
import { UsageError } from '../usage_error.js'

export async function run(context: Context<ImportOptions>): Promise<void> {
  const weights = new WeightsFile(context.operands[0]!)
  const { out, graph, size, color, mean, scale, name, threshold: sameBelow, alignment } = context.options
  const { output, normalize, check: must, noCheck } = context.options
  if (must && noCheck) throw new UsageError('--check and --no-check exclude each other')
  const check = must ? true : noCheck ? false : undefined
  const detector = graph === undefined ? await detectorIn(weights, { check }) : undefined
  if (detector) return importedDetector(context, detector, out)
  const contents = await modelIn(weights, {
    graph,
    size,
    color,
    mean,
    scale,
    name,
    threshold: sameBelow,
    alignment,
    output,
    normalize,
    check,
  })
  const metadata = await writeModel(out, contents)
  const { network, dimensions, unitLength, fingerprint, threshold } = metadata
  const [height, width] = metadata.inputSize
  if (context.json) {
    const inputSize = { height, width }
    const facts = { out, network, inputSize, dimensions, unitLength, threshold: threshold?.value ?? null, fingerprint }
    const { check, remarks } = contents
    await context.print(JSON.stringify({ ...facts, check, ...(remarks && { remarks }) }))
    return
  }
  // Compared by their angle, as those of ArcFace are, embeddings need it; compared by distance, as dlib's are, they must not have it.
  const length = unitLength ? '' : ', which are not of unit length (--normalize makes them so)'
  context.say(`${network}, ${height}x${width} to ${dimensions} floats${length}, written to ${out}`)
  for (const remark of contents.remarks ?? []) context.say(remark)
  if (weights.extension === '.onnx') sayCheck(context, contents.check)
  if (metadata.alignment === 'none' && height === 160 && width === 160) {
    context.complain(`how faces are cut out for it is not known: state ${alignmentsOf160}`)
  }
}

function sayCheck(context: Context<ImportOptions>, check: ImportCheck): void {
  if (context.options.noCheck) return
  if (check.checked) {
    const { images, difference } = check
    context.say(`compared with onnxruntime on ${images} images: differs by at most ${difference.toExponential(1)}`)
  } else context.complain(`not compared with onnxruntime: ${check.reason}`)
}

/** Options of embedding networks, which a detector has no use for. */
const ofNetworks = ['output', 'normalize', 'size', 'color', 'mean', 'scale', 'name', 'threshold', 'alignment']

async function importedDetector(
  context: Context<ImportOptions>,
  contents: ImportedDetector,
  out: string,
): Promise<void> {
  const needless = ofNetworks.find((name) => context.given.has(name))
  if (needless)
    throw new UsageError(`${flagOf(needless)} is not for detectors, and these are weights of ${contents.detector}`)
  const { detector, fingerprint } = await writeDetector(out, contents)
  const { check } = contents
  if (context.json) {
    await context.print(JSON.stringify({ out, detector, fingerprint, ...(check && { check }) }))
    return
  }
  context.say(`the face detector ${detector}, written to ${out}`)
  if (check) sayCheck(context, check)
}
