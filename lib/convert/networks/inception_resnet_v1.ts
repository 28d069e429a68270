/**
 * Inception-ResNet-v1 (Szegedy and others, 2016) as in the facenet weights of 2018: thinner than the original, batch
 * normalisation without a learned scale.
 *
 * Input 160 x 160 x 3, (x - 127.5) / 128. 23,467,824 parameters, 1,417,662,304 multiply-adds.
 */
import type { Layer } from './builder.js'
import { defineNetwork } from './definition.js'

/** One convolution with batch normalisation and ReLU. Stride 2 and padding `valid` where they are not 1 and `same`. */
type Conv = readonly [channels: number, height: number, width: number, stride?: number, padding?: 'valid']
/** Branches of convolutions whose concatenation is projected back to the block's input and added to it times `scale`. */
interface ResidualBlock {
  branches: readonly (readonly Conv[])[]
  scale: number
}

// biome-ignore format: a table
const stem: readonly (readonly [name: string, conv: Conv])[] = [
  //         channels, window, stride          output
  ['conv1',  [ 32, 3, 3, 2, 'valid']], //  79 x 79
  ['conv2a', [ 32, 3, 3, 1, 'valid']], //  77 x 77
  ['conv2b', [ 64, 3, 3           ]], //  77 x 77, max pool to 38 x 38
  ['conv3',  [ 80, 1, 1           ]], //  38 x 38
  ['conv4a', [192, 3, 3, 1, 'valid']], //  36 x 36
  ['conv4b', [256, 3, 3, 2, 'valid']], //  17 x 17
]

const block35: ResidualBlock = {
  branches: [
    [[32, 1, 1]],
    [
      [32, 1, 1],
      [32, 3, 3],
    ],
    [
      [32, 1, 1],
      [32, 3, 3],
      [32, 3, 3],
    ],
  ],
  scale: 0.17,
}
const block17: ResidualBlock = {
  branches: [
    [[128, 1, 1]],
    [
      [128, 1, 1],
      [128, 1, 7],
      [128, 7, 1],
    ],
  ],
  scale: 0.1,
}
const block8: ResidualBlock = {
  branches: [
    [[192, 1, 1]],
    [
      [192, 1, 1],
      [192, 1, 3],
      [192, 3, 1],
    ],
  ],
  scale: 0.2,
}
/** 17 x 17 x 256 to 8 x 8 x 896; a max pool of the input is the last branch. */
const reductionA: readonly (readonly Conv[])[] = [
  [[384, 3, 3, 2, 'valid']],
  [
    [192, 1, 1],
    [192, 3, 3],
    [256, 3, 3, 2, 'valid'],
  ],
]
/** 8 x 8 x 896 to 3 x 3 x 1792; likewise. */
const reductionB: readonly (readonly Conv[])[] = [
  [
    [256, 1, 1],
    [384, 3, 3, 2, 'valid'],
  ],
  [
    [256, 1, 1],
    [256, 3, 3, 2, 'valid'],
  ],
  [
    [256, 1, 1],
    [256, 3, 3],
    [256, 3, 3, 2, 'valid'],
  ],
]

function conv(x: Layer, name: string, [channels, height, width, stride, padding]: Conv): Layer {
  return x.conv(name, channels, { kernel: [height, width], stride, padding })
}

function branch(x: Layer, name: string, convs: readonly Conv[]): Layer {
  return convs.reduce((y, row, index) => conv(y, `${name}.${index}`, row), x)
}

/** relu(x + scale * projection(concat(branches))); the last block of the network has no ReLU. */
function residual(x: Layer, name: string, { branches, scale }: ResidualBlock, relu = true): Layer {
  const towers = branches.map((convs, index) => branch(x, `${name}/branch${index}`, convs))
  const mixed = x.network.concat(`${name}/concat`, towers)
  const projected = mixed.conv(`${name}/projection`, x.shape[2], { activation: false })
  const sum = x.network.add(`${name}/add`, x, projected, scale)
  return relu ? sum.relu(`${name}/relu`) : sum
}

function repeat(x: Layer, count: number, name: string, block: ResidualBlock): Layer {
  for (let index = 1; index <= count; index++) x = residual(x, `${name}.${index}`, block)
  return x
}

function reduction(x: Layer, name: string, branches: readonly (readonly Conv[])[]): Layer {
  const towers = branches.map((convs, index) => branch(x, `${name}/branch${index}`, convs))
  const pool = x.pool(`${name}/pool`, 'max', { kernel: 3, stride: 2, padding: 'valid' })
  return x.network.concat(name, [...towers, pool])
}

function layers(image: Layer, dimensions: number): Layer {
  let x = image
  for (const [name, row] of stem) {
    x = conv(x, name, row)
    if (name === 'conv2b') x = x.pool('pool2', 'max', { kernel: 3, stride: 2, padding: 'valid' })
  }
  x = reduction(repeat(x, 5, 'block35', block35), 'reductionA', reductionA)
  x = reduction(repeat(x, 10, 'block17', block17), 'reductionB', reductionB)
  x = residual(repeat(x, 5, 'block8', block8), 'block8.6', { ...block8, scale: 1 }, false)
  return x.globalAverage('pool').fullyConnected('fc', dimensions, { bias: false }).batchNorm('fc/bn')
}

export const inceptionResnetV1 = defineNetwork({
  name: 'inception-resnet-v1',
  title: 'Inception-ResNet-v1 (facenet weights of 2018)',
  inputSize: { height: 160, width: 160 },
  dimensions: 512,
  source: 'Szegedy, Ioffe, Vanhoucke, Alemi: Inception-v4, 2016; widths of github.com/davidsandberg/facenet',
  parameters: 23_467_824,
  multiplyAdds: 1_417_662_304,
  published: { parameters: '23.5 M', multiplyAdds: '1.42 G' },
  options: ['dimensions'],
  batchNorm: { epsilon: 1e-3, scale: false, bias: false },
  layers,
})
