/**
 * Published weights of MTCNN as a detector of ours: David Sandberg's TensorFlow port of the authors' Caffe weights, as
 * `det1.npy` to `det3.npy` or as safetensors, and facenet-pytorch's state dicts (`pnet.pt`, `rnet.pt`, `onet.pt`).
 *
 * The authors trained on images whose rows and columns are swapped (Matlab's are stored by columns), so in the port's weights
 * the first axis of a kernel runs along the image's width, and what goes into a fully connected layer is flattened in the
 * order x, y, channel. Here both are turned, and our networks see images as they are. facenet-pytorch has turned the
 * kernels already, but not its fully connected layers.
 */
import { invalidModel } from '../../errors.js'
import type { DetectorContents } from '../../files/model/detector_file.js'
import { f32Tensor, type Tensor, toFloat32 } from '../../files/model/tensor.js'
import { type MtcnnStage, mtcnnGraphs } from '../networks/mtcnn.js'
import { tensorShapes } from '../networks/shapes.js'
import { permuted, requireShape } from './turned.js'

export const mtcnnStages = Object.keys(mtcnnGraphs) as MtcnnStage[]

/** Tensors of one stage, by the names of their source. */
export type StageTensors = ReadonlyMap<string, Tensor>

/** What the sources call our layers; facenet-pytorch writes `dense5_1` and `conv4_1` where the port has `conv5-1`. */
const sourceNames: Record<MtcnnStage, Record<string, string>> = {
  pnet: { score: 'conv4-1', box: 'conv4-2' },
  rnet: { fc4: 'conv4', score: 'conv5-1', box: 'conv5-2' },
  onet: { fc5: 'conv5', score: 'conv6-1', box: 'conv6-2', points: 'conv6-3' },
}

/** Axes of a weight in its source, in the order in which ours has them. */
const layouts = {
  /** Kernels x, y, in, out; matrices in x out. */
  tensorflow: {
    kernel: [3, 2, 1, 0],
    matrix: [3, 2, 1, 0],
    flat: (out: number, side: number, channels: number) => [side, side, channels, out],
  },
  /** Kernels out, in, y, x; matrices out x in. */
  pytorch: {
    kernel: [0, 1, 2, 3],
    matrix: [0, 3, 2, 1],
    flat: (out: number, side: number, channels: number) => [out, side, side, channels],
  },
} as const
export type MtcnnLayout = keyof typeof layouts

export function mtcnnFrom(
  stages: Readonly<Record<MtcnnStage, StageTensors>>,
  layout: MtcnnLayout,
): Pick<DetectorContents, 'detector' | 'graphs' | 'tensors'> {
  const tensors = new Map<string, Tensor>()
  for (const stage of mtcnnStages) {
    for (const [name, shape] of tensorShapes(mtcnnGraphs[stage])) {
      const source = sourceName(stage, name)
      const found = stages[stage].get(source)
      if (!found)
        throw invalidModel(
          `${stage} weights`,
          `a tensor ${source}`,
          [...stages[stage].keys()].slice(0, 5).join(', ') || 'none',
        )
      tensors.set(name, turned(`${stage} ${source}`, found, shape, layout))
    }
  }
  return { detector: 'mtcnn', graphs: mtcnnGraphs, tensors }
}

/** Names that all sources agree on: `conv5-1.weights` and `dense5_1.weight` are both `conv5-1.weight`. */
export function normalizedName(name: string): string {
  return name
    .toLowerCase()
    .replace(/^dense/, 'conv')
    .replace('_', '-')
    .replace(/\.weights$/, '.weight')
    .replace(/\.biases$/, '.bias')
    .replace(/^(prelu\d)\.weight$/, '$1.alpha')
}

/** `rnet/conv2/prelu.slope` is the source's `prelu2.alpha`, `rnet/box.bias` its `conv5-2.bias`. */
function sourceName(stage: MtcnnStage, name: string): string {
  const [, layer, role] = /^[^/]+\/([^./]+)(?:\/prelu)?\.(\w+)$/.exec(name)!
  if (role === 'slope') return `prelu${/\d+$/.exec(layer!)![0]}.alpha`
  return `${sourceNames[stage][layer!] ?? layer}.${role}`
}

/** `shape` is ours: out, in, y, x of a kernel; out, features of a matrix. */
function turned(name: string, tensor: Tensor, shape: readonly number[], layout: MtcnnLayout): Tensor {
  const { kernel, matrix, flat } = layouts[layout]
  const [out, features] = shape
  if (shape.length === 4) {
    const expected = shape.map((_, axis) => shape[kernel.indexOf(axis as 0)]!)
    requireShape(name, tensor, expected)
    return f32Tensor(shape, permuted(toFloat32(tensor), expected, kernel))
  }
  if (shape.length === 1) {
    requireShape(name, tensor, shape)
    return f32Tensor(shape, toFloat32(tensor))
  }
  requireShape(name, tensor, layout === 'tensorflow' ? [features!, out!] : shape)
  const side = flatSides[features!] ?? 1
  return f32Tensor(shape, permuted(toFloat32(tensor), flat(out!, side, features! / side ** 2), matrix))
}

/** Side of the image that a fully connected layer of so many inputs flattens: 3x3x64 in R-net, 3x3x128 in O-net. */
const flatSides: Readonly<Record<number, number>> = { 576: 3, 1152: 3 }
