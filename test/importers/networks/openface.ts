/** nn4.small2 of OpenFace as Torch7 writes it, with random weights of its real sizes, and some of the modules it is made of. */
import { networks } from '../../../lib/convert/networks/index.js'
import { tensorShapes } from '../../../lib/convert/networks/shapes.js'
import { elementCount, f32Tensor, toFloat32 } from '../../../lib/files/model/tensor.js'
import { normals, seeded } from '../../support/random.js'
import { Floats, Instance, torch7, type Value } from '../torch7_writer.js'

export const graph = networks['nn4.small2'].graph()
/** Nothing is 0 or 1, so that no two tensors could be exchanged. */
export const tensors = new Map(
  [...tensorShapes(graph)].map(([name, shape], i) => {
    const spread = shape.length > 1 ? Math.sqrt(2 / elementCount(shape.slice(1))) : 0.1
    const values = normals(elementCount(shape), seeded(i + 1), spread)
    const positive = /\.(variance|scale)$/.test(name)
    return [name, f32Tensor(shape, positive ? values.map((value) => 0.8 + Math.abs(value)) : values)] as const
  }),
)
const values = (name: string) => toFloat32(tensors.get(name)!)

/** Training left its buffers in published files. */
const buffers = () => ({ output: new Floats([], new Float32Array()), gradInput: new Floats([0], new Float32Array()) })
export const sequential = (...modules: Value[]) =>
  new Instance('nn.Sequential', { modules, train: false, ...buffers() })
export const relu = () => new Instance('nn.ReLU', { threshold: 0, val: 0, inplace: false, ...buffers() })

/** Convolution, normalisation and ReLU, by the name of the layer in our table. `flat`: weights as SpatialConvolutionMM has them. */
function conv(name: string, [kernel, stride, pad]: readonly [number, number, number], flat: boolean): Value[] {
  const [out, input] = tensors.get(`${name}.weight`)!.shape as [number, number]
  const sizes = flat ? [out, input * kernel * kernel] : [out, input, kernel, kernel]
  const square = { kW: kernel, kH: kernel, dW: stride, dH: stride, padW: pad, padH: pad }
  const weights = {
    weight: new Floats(sizes, values(`${name}.weight`)),
    bias: new Floats([out], values(`${name}.bias`)),
  }
  const gradients = { gradWeight: new Floats(sizes, new Float32Array(elementCount(sizes))) }
  const className = flat ? 'nn.SpatialConvolutionMM' : 'nn.SpatialConvolution'
  return [
    new Instance(className, {
      nInputPlane: input,
      nOutputPlane: out,
      ...square,
      ...weights,
      ...gradients,
      ...buffers(),
    }),
    norm(`${name}/bn`, out),
    relu(),
  ]
}

function norm(name: string, channels: number): Instance {
  const vector = (role: string) => new Floats([channels], values(`${name}.${role}`))
  const statistics = { running_mean: vector('mean'), running_var: vector('variance') }
  const learned = { weight: vector('scale'), bias: vector('shift') }
  const settings = { eps: 1e-5, momentum: 0.1, affine: true, nDim: 4, train: false }
  return new Instance('nn.SpatialBatchNormalization', { ...settings, ...statistics, ...learned }, 2)
}

const maxPool = (stride: number, pad: number) =>
  new Instance('nn.SpatialMaxPooling', {
    ...{ kW: 3, kH: 3, dW: stride, dH: stride, padW: pad, padH: pad, ceil_mode: false },
    indices: new Floats([2], BigInt64Array.of(1n, 2n)),
  })
const averagePool = (stride: number) =>
  new Instance('nn.SpatialAveragePooling', {
    ...{ kW: 3, kH: 3, dW: stride, dH: stride, padW: 0, padH: 0 },
    ...{ ceil_mode: false, count_include_pad: true, divide: true },
  })
export const lpPool = (factor = 9) =>
  new Instance('nn.SpatialLPPooling', {
    ...{ kW: 3, kH: 3, dW: 3, dH: 3 },
    modules: [
      new Instance('nn.Square', {}),
      averagePool(3),
      new Instance('nn.MulConstant', { constant_scalar: factor, inplace: false }),
      new Instance('nn.Sqrt', { eps: 0 }),
    ],
  })
const lrn = () => new Instance('nn.SpatialCrossMapLRN', { size: 5, alpha: 1e-4, beta: 0.75, k: 1 })

/** As dpnn builds it: the pairs of convolutions, the pool, the convolution alone. */
function inception(
  name: string,
  sizes: readonly (3 | 5)[],
  stride: number,
  pool: Value,
  projected: boolean,
  alone: boolean,
) {
  const branches = sizes.map((size) =>
    sequential(
      ...conv(`${name}/${size}x${size}-reduce`, [1, 1, 0], false),
      ...conv(`${name}/${size}x${size}`, [size, stride, (size - 1) / 2], false),
    ),
  )
  branches.push(sequential(pool, ...(projected ? conv(`${name}/pool-projection`, [1, 1, 0], false) : [])))
  if (alone) branches.push(sequential(...conv(`${name}/1x1`, [1, 1, 0], false)))
  const module = new Instance('nn.DepthConcat', { dimension: 2, modules: branches })
  return new Instance('nn.Inception', { module, modules: [module], transfer: relu(), padding: true, batchNorm: true })
}

const linear = (name: string, [out, input]: readonly [number, number]) =>
  new Instance('nn.Linear', {
    weight: new Floats([out, input], values(`${name}.weight`)),
    bias: new Floats([out], values(`${name}.bias`)),
  })
export const view = (length: number) =>
  new Instance('nn.View', { size: new Floats([1], BigInt64Array.of(BigInt(length))), numElements: length })
export const normalize = (p = 2) => new Instance('nn.Normalize', { p, eps: 1e-10 })

/** The published file, whose pools inside of blocks are not those of the definition that is beside it. */
const modules = (): Value[] => [
  ...conv('conv1', [7, 2, 3], true),
  maxPool(2, 1),
  lrn(),
  ...conv('inception2/3x3-reduce', [1, 1, 0], true),
  ...conv('inception2/3x3', [3, 1, 1], true),
  lrn(),
  maxPool(2, 1),
  inception('inception3a', [3, 5], 1, maxPool(2, 0), true, true),
  inception('inception3b', [3, 5], 1, lpPool(), true, true),
  inception('inception3c', [3, 5], 2, maxPool(2, 0), false, false),
  inception('inception4a', [3, 5], 1, lpPool(), true, true),
  inception('inception4e', [3, 5], 2, maxPool(2, 0), false, false),
  inception('inception5a', [3], 1, lpPool(), true, true),
  inception('inception5b', [3], 1, maxPool(2, 0), true, true),
  averagePool(1),
  view(736),
  linear('fc', [128, 736]),
  normalize(),
]
export const nn4Small2File = () => torch7(sequential(...modules()))
