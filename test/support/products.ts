/** The oracle's convolution and fully connected layer: sums of products with weights. */
import { type Activations, at, type Call, channelValue, forEachPixel, inside, type NodeOf } from './activations.js'
import { winograd } from './winograd.js'

export function conv2d(node: NodeOf<'conv2d'>, { inputs, out, tensors, precision, byWinograd }: Call): void {
  const [x] = inputs as [Activations]
  const r = precision.arithmetic
  const { kernel, stride, dilation = [1, 1], padding, outChannels, groups = 1 } = node.attributes
  const weight = tensors[node.tensors.weight]!.data.map(precision.weight)
  const groupInputs = x.shape[2] / groups
  const windowSum = (n: number, row: number, column: number, o: number) => {
    const firstInput = Math.floor(o / (outChannels / groups)) * groupInputs
    let sum = 0
    for (let ky = 0; ky < kernel[0]; ky++) {
      for (let kx = 0; kx < kernel[1]; kx++) {
        const fromRow = row * stride[0] + ky * dilation[0] - padding[0]
        const fromColumn = column * stride[1] + kx * dilation[1] - padding[1]
        if (!inside(x, fromRow, fromColumn)) continue
        for (let i = 0; i < groupInputs; i++) {
          const w = weight[((o * groupInputs + i) * kernel[0] + ky) * kernel[1] + kx]!
          sum = r(sum + r(w * x.data[at(x, n, fromRow, fromColumn, firstInput + i)]!))
        }
      }
    }
    return sum
  }
  const isWinograd = byWinograd.includes(node.name)
  if (isWinograd) winograd(x, weight, padding, out, precision)
  forEachPixel(out, (n, row, column) => {
    for (let o = 0; o < outChannels; o++) {
      const place = at(out, n, row, column, o)
      const sum = isWinograd ? out.data[place]! : windowSum(n, row, column, o)
      out.data[place] = r(sum + channelValue(tensors, node.tensors.bias, o, 0))
    }
  })
}

export function fullyConnected(node: NodeOf<'fully_connected'>, { inputs, out, tensors, precision }: Call): void {
  const [x] = inputs as [Activations]
  const r = precision.arithmetic
  const [height, width, channels] = x.shape
  const inFeatures = height * width * channels
  const weight = tensors[node.tensors.weight]!.data.map(precision.weight)
  const place = (i: number) => {
    if (node.attributes.order === 'hwc') return i
    const [y, column, c] = [Math.floor(i / channels / width), Math.floor(i / channels) % width, i % channels]
    return (c * height + y) * width + column
  }
  for (let n = 0; n < out.count; n++) {
    for (let o = 0; o < node.attributes.outFeatures; o++) {
      let sum = 0
      for (let i = 0; i < inFeatures; i++) {
        sum = r(sum + r(x.data[n * inFeatures + i]! * weight[o * inFeatures + place(i)]!))
      }
      out.data[n * node.attributes.outFeatures + o] = r(sum + channelValue(tensors, node.tensors.bias, o, 0))
    }
  }
}
