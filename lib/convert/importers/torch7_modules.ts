/** Modules of Torch7's `nn` as layers of ours, in inference (https://github.com/torch/nn, a `.lua` file a module). */
import type { PoolAttributes, WindowAttributes } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import { Torch7Tensor } from './torch7.js'
import { children, flag, type Lower, type Module, number, optionalTensor, tensor, whole } from './torch7_network.js'

const sequential: Lower = (network, module, x) =>
  children(module).reduce((made, child) => network.run(child, made, module.depth + 1), x)

/** A wrapper around one module, as dpnn's Inception is. */
const decorator: Lower = (network, module, x) => {
  const list = children(module)
  if (list.length !== 1) throw invalidModel(`modules of ${module.what}`, 'one', list.length)
  return network.run(list[0]!, x, module.depth + 1)
}

/** Along the channels. `padded`: branches whose images are smaller get zeros around them, the odd pixel last. */
const concat =
  (padded: boolean): Lower =>
  (network, module, x) => {
    const dimension = number(module, 'dimension')
    if (dimension !== 2) throw invalidModel(`dimension of ${module.what}`, '2, that of the channels', dimension)
    const list = children(module)
    const branches = list.map((child) => network.run(child, x, module.depth + 1))
    const [height, width] = [0, 1].map((axis) => Math.max(...branches.map(({ shape }) => shape[axis]!))) as [
      number,
      number,
    ]
    const same = branches.map((branch, i) => {
      const [rows, columns] = [height - branch.shape[0], width - branch.shape[1]]
      if (rows === 0 && columns === 0) return branch
      if (!padded) throw invalidModel(module.what, 'branches of one height and width', `${branch.shape.join('x')}`)
      const [top, left] = [Math.floor(rows / 2), Math.floor(columns / 2)]
      const padding = [top, left, rows - top, columns - left] as const
      return network.append(list[i]!, { op: 'zero_pad', attributes: { padding } }, [branch], '/pad')
    })
    return network.append(module, { op: 'concat' }, same)
  }

/** Weights are O x I x KH x KW, or with all but the outputs in one dimension. */
const convolution: Lower = (network, module, x) => {
  const outChannels = whole(module, 'nOutputPlane', 1)
  const inChannels = whole(module, 'nInputPlane', 1)
  const attributes = { ...windowOf(module), outChannels }
  const [height, width] = attributes.kernel
  if (inChannels !== x.shape[2])
    throw invalidModel(`nInputPlane of ${module.what}`, `${x.shape[2]} channels`, inChannels)
  const bias = optionalTensor(module, 'bias', outChannels)
  const weight = tensor(module, 'weight', outChannels * inChannels * height * width)
  const tensors = {
    weight: network.put(module, 'weight', [outChannels, inChannels, height, width], weight),
    ...(bias && { bias: network.put(module, 'bias', [outChannels], bias) }),
  }
  return network.append(module, { op: 'conv2d', attributes, tensors }, [x])
}

function windowOf(module: Module): WindowAttributes {
  // Before there were two.
  const both = module.fields.has('padding') ? whole(module, 'padding', 0) : undefined
  const [top, left] = [both ?? whole(module, 'padH', 0, 0), both ?? whole(module, 'padW', 0, 0)]
  return {
    kernel: [whole(module, 'kH', 1), whole(module, 'kW', 1)],
    stride: [whole(module, 'dH', 1, 1), whole(module, 'dW', 1, 1)],
    padding: [top, left, top, left],
  }
}

/** Files of version 1 have 1 / sqrt(variance + eps) for the variance. */
const batchNorm: Lower = (network, module, x) => {
  const [height, width, channels] = x.shape
  if (module.className === 'nn.BatchNormalization' && height * width !== 1) {
    throw invalidModel(module.what, 'the normalisation of a vector', x.shape.join('x'))
  }
  const epsilon = number(module, 'eps', 1e-5)
  const inverse = module.version < 2 ? optionalTensor(module, 'running_std', channels) : undefined
  const variance = inverse?.map((value) => value ** -2 - epsilon) ?? tensor(module, 'running_var', channels)
  const scale = optionalTensor(module, 'weight', channels)
  const shift = optionalTensor(module, 'bias', channels)
  const put = (role: string, data: Float32Array) => network.put(module, role, [channels], data)
  const tensors = {
    mean: put('mean', tensor(module, 'running_mean', channels)),
    variance: put('variance', variance),
    ...(scale && { scale: put('scale', scale) }),
    ...(shift && { shift: put('shift', shift) }),
  }
  return network.append(module, { op: 'batch_norm', attributes: { epsilon }, tensors }, [x])
}

/** `threshold` and `val` are 0 where they are a ReLU's. */
const relu: Lower = (network, module, x) => {
  if (number(module, 'threshold', 0) !== 0 || number(module, 'val', 0) !== 0) {
    throw invalidModel(module.what, 'a threshold of 0 with a value of 0', 'another')
  }
  return network.append(module, { op: 'relu' }, [x])
}

const prelu: Lower = (network, module, x) => {
  const shared = whole(module, 'nOutputPlane', 0) === 0
  const length = shared ? 1 : x.shape[2]
  const slope = network.put(module, 'slope', [length], tensor(module, 'weight', length))
  return network.append(module, { op: 'prelu', tensors: { slope } }, [x])
}

const pool =
  (op: 'max_pool' | 'avg_pool'): Lower =>
  (network, module, x) => {
    const attributes: PoolAttributes = windowOf(module)
    if (flag(module, 'ceil_mode', false)) {
      // Otherwise the last window could begin behind the image, where Torch has one and we have none.
      const reaches = attributes.stride.every((stride, axis) => stride <= attributes.kernel[axis]!)
      if (!reaches) throw invalidModel(`ceil_mode of ${module.what}`, 'false where windows lie apart', 'true')
      attributes.rounding = 'ceil'
    }
    if (op === 'avg_pool') {
      if (!flag(module, 'divide', false)) throw invalidModel(`divide of ${module.what}`, 'true', 'false: a sum')
      const counted = flag(module, 'count_include_pad', true)
      if (counted && attributes.padding.some((pad) => pad > 0)) attributes.countPadding = true
    }
    return network.append(module, { op, attributes }, [x])
  }

/** Squares, their average times the number of pixels of the window, and the root: the root of the sum of squares. */
const lpPool: Lower = (network, module, x) => {
  const list = children(module)
  const [, average, factor] = list
  const names = list.map(({ className }) => className).join()
  const expected = 'nn.Square,nn.SpatialAveragePooling,nn.MulConstant,nn.Sqrt'
  if (names !== expected) throw invalidModel(`modules of ${module.what}`, `${expected}, of p = 2`, names)
  const attributes = windowOf(average!)
  const { kernel, padding } = attributes
  // Averages of files that do not say whether they divide are sums.
  const divided = flag(average!, 'divide', false) ? kernel[0] * kernel[1] : 1
  const sum = number(factor!, 'constant_scalar') === divided
  const plain =
    padding.every((pad) => pad === 0) && !flag(average!, 'ceil_mode', false) && number(list[3]!, 'eps', 0) === 0
  if (!sum || !plain) throw invalidModel(module.what, 'the root of the sum of squares, without padding', 'another')
  return network.append(module, { op: 'l2_pool', attributes }, [x])
}

/** alpha is divided by the number of channels. */
const crossMapNorm: Lower = (network, module, x) => {
  const size = whole(module, 'size', 1)
  if (size % 2 === 0) throw invalidModel(`size of ${module.what}`, 'an odd number', size)
  const [alpha, beta, bias] = [number(module, 'alpha'), number(module, 'beta'), number(module, 'k', 1)]
  return network.append(module, { op: 'lrn', attributes: { size, alpha, beta, bias, alphaPer: 'window' } }, [x])
}

/** Flattens all of an image, or keeps a vector: nothing else is a layer's business here. */
const flatten: Lower = (_, module, x) => {
  const stated = module.fields.get('numElements') ?? module.fields.get('nelement')
  const [height, width, channels] = x.shape
  const length = height * width * channels
  const inferred = stated === 1 || stated === undefined
  if (!inferred && stated !== length) throw invalidModel(module.what, `a vector of ${length}`, `${String(stated)}`)
  return x
}

const linear: Lower = (network, module, x) => {
  const weights = module.fields.get('weight')
  const [outFeatures = 0, features = 0] = weights instanceof Torch7Tensor ? weights.sizes : []
  const length = x.shape[0] * x.shape[1] * x.shape[2]
  if (features !== length || outFeatures < 1) {
    throw invalidModel(`weight of ${module.what}`, `out x ${length}`, `${outFeatures}x${features}`)
  }
  const bias = optionalTensor(module, 'bias', outFeatures)
  const tensors = {
    weight: network.put(module, 'weight', [outFeatures, features], tensor(module, 'weight', outFeatures * features)),
    ...(bias && { bias: network.put(module, 'bias', [outFeatures], bias) }),
  }
  return network.append(module, { op: 'fully_connected', attributes: { outFeatures }, tensors }, [x])
}

/** Torch adds 1e-10 to the square of the length, which no length of an embedding notices. */
const normalize: Lower = (network, module, x) => {
  const p = number(module, 'p')
  if (p !== 2) throw invalidModel(`p of ${module.what}`, '2', p)
  return network.append(module, { op: 'l2_normalize' }, [x])
}

/** Version 1 multiplies in inference, version 2 does nothing. */
const dropout: Lower = (_, module, x) => {
  if (module.className === 'nn.Dropout' && !flag(module, 'v2', false)) {
    throw invalidModel(`v2 of ${module.what}`, 'true: a Dropout that does nothing in inference', 'false')
  }
  return x
}

/** By the names of their classes. */
export const torch7Modules: Readonly<Record<string, Lower>> = Object.assign(Object.create(null) as object, {
  'nn.Sequential': sequential,
  'nn.Inception': decorator,
  'nn.Decorator': decorator,
  'nn.Serial': decorator,
  'nn.Concat': concat(false),
  'nn.DepthConcat': concat(true),
  'nn.SpatialConvolution': convolution,
  'nn.SpatialConvolutionMM': convolution,
  'nn.SpatialBatchNormalization': batchNorm,
  'nn.BatchNormalization': batchNorm,
  'nn.ReLU': relu,
  'nn.Threshold': relu,
  'nn.PReLU': prelu,
  'nn.SpatialMaxPooling': pool('max_pool'),
  'nn.SpatialAveragePooling': pool('avg_pool'),
  'nn.SpatialLPPooling': lpPool,
  'nn.SpatialCrossMapLRN': crossMapNorm,
  'nn.View': flatten,
  'nn.Reshape': flatten,
  'nn.Linear': linear,
  'nn.Normalize': normalize,
  'nn.Identity': ((_, __, x) => x) satisfies Lower,
  'nn.Dropout': dropout,
})
