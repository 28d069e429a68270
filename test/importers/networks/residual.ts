/** ResNets for faces: insightface's iresnet, the IR and IR-SE networks of ArcFace's PyTorch ports, and AdaFace's. */
import type { Exporter, Made } from './graph_writer.js'
import { Torch } from './torch.js'

/** Of a residual branch, so that fifty of them in a row do not make large numbers of small ones. */
const branchGain = 0.4

/** Channels at a `thin`th of the width. */
const widths = (thin: number) => [64, 128, 256, 512].map((width) => width / thin) as [number, number, number, number]

/** Blocks of each stage. */
export const depths = { 18: [2, 2, 2, 2], 50: [3, 4, 14, 3], 100: [3, 13, 30, 3], 101: [3, 13, 30, 3] } as const

type Depth = keyof typeof depths

/** A first convolution and four stages, whose first blocks halve height and width. */
function residualBody(
  net: Torch,
  depth: Depth,
  thin: number,
  block: (x: Made, out: number, stride: number) => Made,
): Made {
  const stages = widths(thin)
  let x = net.prelu(net.convNorm(net.image, stages[0], 3))
  for (const [stage, out] of stages.entries()) {
    for (let index = 0; index < depths[depth][stage]!; index++) x = block(x, out, index === 0 ? 2 : 1)
  }
  return x
}

/** insightface's `iresnet.py`: BN, conv, BN, PReLU, conv, BN and a projection; BN, flatten, fully connected, BN. */
export function iresnet(exporter: Exporter, depth: Depth, thin: number): Uint8Array {
  const net = new Torch(exporter)
  const x = residualBody(net, depth, thin, (x, out, stride) => {
    let y = net.convNorm(net.batchNorm(x), out, 3)
    y = net.convNorm(net.prelu(y), out, 3, { stride, gain: branchGain })
    return net.add(y, stride === 2 ? net.convNorm(x, out, 1, { stride }) : x)
  })
  const features = net.linear(net.flatten(net.batchNorm(x)), 512)
  return net.encode(net.batchNorm(features))
}

/** Average, two convolutions of one pixel, and a factor for each channel. */
function squeezeExcite(net: Torch, x: Made, reduction: number): Made {
  const [channels] = x.shape
  const squeezed = net.relu(net.conv(net.globalAverage(x), channels / reduction, 1))
  return net.multiply(x, net.sigmoid(net.conv(squeezed, channels, 1)))
}

interface Backbone {
  depth: Depth
  thin: number
  squeezes: boolean
}

/** Whether there is a batch normalisation between a block's two convolutions, as in AdaFace and not in ArcFace's ports. */
interface Inner {
  innerNorm: boolean
}

/** The blocks of `model_irse.py` and AdaFace's `net.py`: the shortcut of a block that keeps its width is a pool of one pixel. */
function irBody(net: Torch, { depth, thin, squeezes, innerNorm }: Backbone & Inner): Made {
  return residualBody(net, depth, thin, (x, out, stride) => {
    const shortcut = x.shape[0] === out ? net.maxPool(x, 1, stride) : net.convNorm(x, out, 1, { stride })
    let y = net.prelu(innerNorm ? net.convNorm(net.batchNorm(x), out, 3) : net.conv(net.batchNorm(x), out, 3))
    y = net.convNorm(y, out, 3, { stride, gain: branchGain })
    return net.add(squeezes ? squeezeExcite(net, y, 16 / Math.min(thin, 4)) : y, shortcut)
  })
}

/** IR-50, or IR-SE-50: its output is divided by its length. */
export function ir(exporter: Exporter, backbone: Backbone): Uint8Array {
  const net = new Torch(exporter)
  const x = net.view(net.batchNorm(irBody(net, { ...backbone, innerNorm: false })))
  return net.encode(net.unit(net.batchNorm(net.linear(x, 512))).unit)
}

/** AdaFace: normalisation without scale and shift at the end, and two outputs, the unit vector and its length before. */
export function adaface(exporter: Exporter, backbone: Backbone): { bytes: Uint8Array; output: string } {
  const net = new Torch(exporter)
  const x = net.view(net.batchNorm(irBody(net, { ...backbone, innerNorm: true })))
  const { unit, norm } = net.unit(net.batchNorm(net.linear(x, 512), { affine: false }))
  return { bytes: net.encode(unit, norm), output: unit.name }
}
