/**
 * RetinaFace (Deng et al., "RetinaFace: Single-stage Dense Face Localisation in the Wild", 2019) from ONNX, in two families:
 *
 * - Pytorch_Retinaface (https://github.com/biubug6/Pytorch_Retinaface; mobilenet0.25 and resnet50): three outputs, boxes, the softmax of
 *   two classes and points, 1 x N x C, each joined of all strides. What is imported are the nine heads in front.
 * - insightface's of MXNet (R50, mnet025): nine outputs, `face_rpn_cls_prob_reshape_stride32`, `face_rpn_bbox_pred_stride32`,
 *   `face_rpn_landmark_pred_stride32` and so on, as maps.
 *
 * The softmax is left to the detector, which needs it only of what may be a face.
 */
import { invalidModel } from '../../errors.js'
import { type Heads, type ImportedHeads, importHeads, strides } from './heads.js'
import { opsets } from './operators.js'
import { describeNode, intAttribute, type SourceModel, type SourceNode } from './source.js'

/** `conf`: no face and face, of each anchor. */
export const retinafaceHeads: Heads = { anchors: 2, values: { loc: 4, conf: 2, landms: 10 } }
/** `cls`: no face of both anchors, then face of both. */
export const mxnetRetinafaceHeads: Heads = { anchors: 2, values: { bbox: 4, cls: 2, landmark: 10 } }

const mxnetOutput = /^face_rpn_(cls_prob|bbox_pred|landmark_pred)_.*stride(8|16|32)/

const isMxnet = ({ outputs }: SourceModel) => outputs.length === 9 && outputs.every((name) => mxnetOutput.test(name))

/** Whether it has the names of one family, or the last dimensions of the other: 4, 2 and 10, where they are stated. */
export function isRetinaface(source: SourceModel): boolean {
  const { outputDims = [] } = source
  if (isMxnet(source)) return true
  const left = new Set(Object.values(retinafaceHeads.values))
  const fits = (last: number | undefined) => last === undefined || left.delete(last)
  return outputDims.length === left.size && outputDims.every((dims) => dims.length === 3 && fits(dims[2]))
}

/** Throws ERR_FACENET_MODEL_INVALID where the file is damaged, ends in another way, or has an op that is not known. */
export async function importRetinaface(source: SourceModel, check?: boolean): Promise<ImportedHeads> {
  const mxnet = isMxnet(source)
  const outputs = source.outputs.flatMap((output) => (mxnet ? [logitsOf(source, output)] : joinedHeads(source, output)))
  const heads = source.file!.withOutputs(outputs)
  if (mxnet) {
    return importHeads(heads, {
      detector: 'retinaface',
      heads: mxnetRetinafaceHeads,
      input: { color: 'rgb', mean: 0, scale: 1 },
      license: 'of insightface: non-commercial research',
      source: 'insightface, RetinaFace',
      check,
    })
  }
  return importHeads(heads, {
    detector: 'retinaface',
    heads: retinafaceHeads,
    // `img -= (104, 117, 123)` of blue, green and red, in detect.py.
    input: { color: 'bgr', mean: [104, 117, 123], scale: 1 },
    license: 'MIT',
    source: 'Pytorch_Retinaface',
    check,
  })
}

function makerOf({ nodes }: SourceModel, name: string | undefined): SourceNode | undefined {
  return nodes.find(({ outputs }) => outputs.includes(name!))
}

/** What of each stride goes into an output, before a softmax over the last dimension. */
function joinedHeads(source: SourceModel, output: string): string[] {
  const last = makerOf(source, output)
  const joined = last && isSoftmax(last, [-1, 2]) ? makerOf(source, last.inputs[0]) : last
  const rows = joined?.op === 'Concat' && [1, -2].includes(intAttribute(joined, 'axis', 0))
  if (rows && joined.inputs.length === strides.length) return joined.inputs
  const expected = `a Concat of the rows of ${strides.length} strides, or a Softmax of one`
  throw invalidModel(`output ${output}`, expected, joined ? describeNode(joined) : 'none')
}

/** Scores are reshaped to N x 2 x 2H x W for their softmax, and back. What ends in another way is imported as it is. */
function logitsOf(source: SourceModel, output: string): string {
  const chain: (SourceNode | undefined)[] = []
  for (let name: string | undefined = output; chain.length < 3; name = chain.at(-1)?.inputs[0]) {
    chain.push(makerOf(source, name))
  }
  const [back, softmax, reshape] = chain
  const shares = softmax && isSoftmax(softmax, [1]) && (softmax.opset ?? opsets.newest) >= 13
  return shares && back?.op === 'Reshape' && reshape?.op === 'Reshape' ? reshape.inputs[0]! : output
}

/** Before opset 13 it runs over all dimensions from its axis on, the last two if that is not said. */
function isSoftmax(node: SourceNode, axes: readonly number[]): boolean {
  return node.op === 'Softmax' && axes.includes(intAttribute(node, 'axis', (node.opset ?? opsets.newest) < 13 ? 1 : -1))
}
