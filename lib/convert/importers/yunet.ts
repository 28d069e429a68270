/**
 * The YuNet face detector (https://github.com/opencv/opencv_zoo, `face_detection_yunet`) from its ONNX file. Twelve outputs:
 * for each stride of 8, 16 and 32 pixels a class and an objectness score, a box and five points a cell. The network is
 * made of convolutions alone, so what is imported runs on an input of any size that is a multiple of 32.
 */
import type { GraphDescription } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import type { DetectorContents } from '../../files/model/detector_file.js'
import { checkImport, type ImportCheck, notAsked } from './check.js'
import { lowerModel } from './lower.js'
import { readOnnx } from './onnx.js'

/** What each output is, and its channels. */
const heads = { cls: 1, obj: 1, bbox: 4, kps: 10 } as const
export const strides = [8, 16, 32] as const

/** `cls_8`, `cls_16`, ..., `kps_32`, as the file names them. */
export const yunetOutputs: ReadonlyMap<string, { stride: number; channels: number }> = new Map(
  Object.entries(heads).flatMap(([head, channels]) =>
    strides.map((stride) => [`${head}_${stride}`, { stride, channels }] as const),
  ),
)

/** Throws ERR_FACENET_MODEL_INVALID where the file is damaged or is another network. */
export async function importYunet(path: string, check?: boolean): Promise<DetectorContents & { check: ImportCheck }> {
  const source = await readOnnx(path)
  if (![...yunetOutputs.keys()].every((name) => source.outputs.includes(name))) {
    throw invalidModel('outputs', `those of YuNet, ${[...yunetOutputs.keys()].join(', ')}`, source.outputs.join(', '))
  }
  // As OpenCV feeds it: blue, green, red, 0 to 255.
  const lowered = lowerModel({ ...source, name: 'yunet' }, { color: 'bgr', mean: 0, scale: 1 })
  const { graph, tensors } = lowered
  return {
    check: check === false ? notAsked : await checkImport(source, lowered, check === true),
    detector: 'yunet',
    graphs: { detect: withOutputNames(graph, source.outputs) },
    tensors,
    license: 'MIT',
    source: 'opencv_zoo, face_detection_yunet',
  }
}

/** Reshapes leave no node, so what makes an output may bear another name. */
function withOutputNames(graph: GraphDescription, names: readonly string[]): GraphDescription {
  const renamed = new Map(graph.outputs.map((from, i) => [from, names[i]!]))
  const rename = (name: string) => renamed.get(name) ?? name
  const nodes = graph.nodes.map((node) => ({ ...node, name: rename(node.name), inputs: node.inputs.map(rename) }))
  return { ...graph, nodes, outputs: graph.outputs.map(rename) }
}
