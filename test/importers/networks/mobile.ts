/** Networks for telephones: MobileFaceNet, SFace, MobileNetV3 and GhostFaceNet. */
import type { Exporter, Made } from './graph_writer.js'
import { type ConvOptions, Torch } from './torch.js'

const branchGain = 0.5

/** MobileFaceNet (Chen and others, 2018): inverted residuals with PReLU, and a depthwise convolution of all pixels. */
export function mobileFaceNet(exporter: Exporter): Uint8Array {
  const net = new Torch(exporter)
  const block = (x: Made, out: number, kernel: number, options: ConvOptions = {}) =>
    net.prelu(net.convNorm(x, out, kernel, options))
  const depthwise = (x: Made, out: number, groups: number, stride: number, gain = 1) => {
    const wide = block(x, groups, 1)
    return net.convNorm(block(wide, groups, 3, { stride, groups }), out, 1, { gain })
  }
  const residuals = (x: Made, count: number, groups: number) => {
    for (let i = 0; i < count; i++) x = net.add(x, depthwise(x, x.shape[0], groups, 1, branchGain))
    return x
  }
  let x = block(net.image, 64, 3, { stride: 2 })
  x = block(x, 64, 3, { groups: 64 })
  x = residuals(depthwise(x, 64, 128, 2), 4, 128)
  x = residuals(depthwise(x, 128, 256, 2), 6, 256)
  x = residuals(depthwise(x, 128, 512, 2), 2, 256)
  x = block(x, 512, 1)
  x = net.convNorm(x, 512, 7, { groups: 512, pad: 0 })
  return net.encode(net.normalize(net.batchNorm(net.linear(net.view(x), 512, { bias: false }))))
}

/**
 * SFace of OpenCV's zoo, which is a MobileNet of MXNet: it subtracts the mean itself, its PReLU slopes are one a channel, and
 * it ends with BN, dropout, a fully connected layer and BN.
 */
export function sface(exporter: Exporter, thin: number): Uint8Array {
  const net = new Torch(exporter, [112, 112], 'data')
  const centred = net.node('Sub', [net.image.name, net.number(127.5)])
  let x: Made = { ...net.image, name: net.node('Mul', [centred, net.number(1 / 128)]) }
  const block = (out: number, kernel: number, options: ConvOptions = {}) => {
    x = net.prelu(net.convNorm(x, out, kernel, options))
  }
  block(32 / thin, 3)
  for (const [out, stride] of [
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
    [512, 2],
    [512, 1],
    [512, 1],
    [512, 1],
    [512, 1],
    [512, 1],
    [1024, 2],
    [1024, 1],
  ] as const) {
    block(x.shape[0], 3, { stride, groups: x.shape[0] })
    block(out / thin, 1)
  }
  x = net.batchNorm(x)
  x = net.apply('Dropout', x)
  return net.encode(net.batchNorm(net.linear(net.flatten(x), 128)))
}

type Row = readonly [kernel: number, expansion: number, out: number, squeezes: boolean, hard: boolean, stride: number]

// biome-ignore format: the columns of the paper's table 1
const large: readonly Row[] = [
  [3,  16,  16, false, false, 1],
  [3,  64,  24, false, false, 2],
  [3,  72,  24, false, false, 1],
  [5,  72,  40, true,  false, 2],
  [5, 120,  40, true,  false, 1],
  [5, 120,  40, true,  false, 1],
  [3, 240,  80, false, true,  2],
  [3, 200,  80, false, true,  1],
  [3, 184,  80, false, true,  1],
  [3, 184,  80, false, true,  1],
  [3, 480, 112, true,  true,  1],
  [3, 672, 112, true,  true,  1],
  [5, 672, 160, true,  true,  2],
  [5, 960, 160, true,  true,  1],
  [5, 960, 160, true,  true,  1],
]

/** MobileNetV3-Large (Howard and others, 2019) as torchvision has it, ending in an embedding. */
export function mobileNetV3(exporter: Exporter): Uint8Array {
  const net = new Torch(exporter)
  let x = net.hardSwish(net.convNorm(net.image, 16, 3, { stride: 2 }))
  for (const [kernel, expansion, out, squeezes, hard, stride] of large) {
    const input = x
    const act = (y: Made) => (hard ? net.hardSwish(y) : net.relu(y))
    if (expansion !== input.shape[0]) x = act(net.convNorm(x, expansion, 1))
    x = act(net.convNorm(x, expansion, kernel, { stride, groups: expansion }))
    if (squeezes) {
      const squeezed = net.relu(net.conv(net.globalAverage(x), roundedTo8(expansion / 4), 1, { bias: true }))
      x = net.multiply(net.hardSigmoid(net.conv(squeezed, expansion, 1, { bias: true })), x)
    }
    const residual = stride === 1 && input.shape[0] === out
    x = net.convNorm(x, out, 1, { gain: residual ? branchGain : 1 })
    if (residual) x = net.add(x, input)
  }
  x = net.hardSwish(net.convNorm(x, 960, 1))
  x = net.hardSwish(net.linear(net.flatten(net.globalAverage(x)), 1280))
  return net.encode(net.linear(x, 256))
}

const roundedTo8 = (channels: number) => Math.max(8, Math.floor((channels + 4) / 8) * 8)

type GhostRow = readonly [kernel: number, expansion: number, out: number, squeezes: boolean, stride: number]

// biome-ignore format: the columns of the paper's table 1
const ghosts: readonly GhostRow[] = [
  [3,  16,  16, false, 1],
  [3,  48,  24, false, 2],
  [3,  72,  24, false, 1],
  [5,  72,  40, true,  2],
  [5, 120,  40, true,  1],
  [3, 240,  80, false, 2],
  [3, 200,  80, false, 1],
  [3, 184,  80, false, 1],
  [3, 184,  80, false, 1],
  [3, 480, 112, true,  1],
  [3, 672, 112, true,  1],
  [5, 672, 160, true,  2],
  [5, 960, 160, false, 1],
  [5, 960, 160, true,  1],
  [5, 960, 160, false, 1],
  [5, 960, 160, true,  1],
]

/** Squeeze-and-excitation as GhostNet has it. */
function squeezeExcite(net: Torch, x: Made): Made {
  const [channels] = x.shape
  const squeezed = net.prelu(net.conv(net.globalAverage(x), roundedTo8(channels / 4), 1, { bias: true }))
  return net.multiply(x, net.hardSigmoid(net.conv(squeezed, channels, 1, { bias: true })))
}

/** Half of the channels by a 1x1 convolution, the other half by a depthwise one of those. */
function ghost(net: Torch, x: Made, out: number, active: boolean): Made {
  const act = (y: Made) => (active ? net.prelu(y) : y)
  const half = Math.ceil(out / 2)
  const primary = act(net.convNorm(x, half, 1))
  const cheap = act(net.convNorm(primary, half, 3, { groups: half }))
  const both = net.concat(primary, cheap)
  return net.exporter.kind === 'keras' ? both : net.firstChannels(both, out)
}

/** GhostNetV2's attention: rows and columns of an image of half the size, back at the size of what they are a factor of. */
function attended(net: Torch, x: Made, features: Made): Made {
  const [channels, height, width] = features.shape as readonly [number, number, number]
  let y = net.convNorm(net.halved(x), channels, 1)
  y = net.convNorm(y, channels, [1, 5], { groups: channels })
  y = net.convNorm(y, channels, [5, 1], { groups: channels })
  return net.multiply(features, net.resized(net.sigmoid(y), height, width))
}

/**
 * GhostFaceNet (Alansari and others, 2023): GhostNet with PReLU, and a depthwise convolution of all pixels. Version 2 has
 * GhostNetV2's attention from the third block on, the last of them on 7x7 pixels.
 */
export function ghostFaceNet(exporter: Exporter, version: 1 | 2 = 1): Uint8Array {
  const net = new Torch(exporter)
  let x = net.prelu(net.convNorm(net.image, 16, 3, { stride: 2 }))
  ghosts.forEach(([kernel, expansion, out, squeezes, stride], block) => {
    const input = x
    x = ghost(net, x, expansion, true)
    if (version === 2 && block > 1) x = attended(net, input, x)
    if (stride > 1) x = net.convNorm(x, expansion, kernel, { stride, groups: expansion })
    if (squeezes) x = squeezeExcite(net, x)
    x = ghost(net, x, out, false)
    const same = stride === 1 && input.shape[0] === out
    const depthwise = () => net.convNorm(input, input.shape[0], kernel, { stride, groups: input.shape[0] })
    x = net.add(x, same ? input : net.convNorm(depthwise(), out, 1))
  })
  x = net.prelu(net.convNorm(x, 480, 1))
  const [channels, side] = x.shape as readonly [number, number, number]
  x = net.convNorm(x, channels, side, { groups: channels, pad: 0 })
  return net.encode(net.batchNorm(net.flatten(net.conv(x, 256, 1))))
}
