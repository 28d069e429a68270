/**
 * NN1 of the FaceNet paper (table 1): Zeiler & Fergus's network with 1x1 convolutions in between.
 *
 * Input 220 x 220 x 3. 140,025,664 parameters, 1,605,944,064 multiply-adds; nearly all parameters are in fc1, which
 * sees the whole 7 x 7 x 256 image at once.
 */
import type { Layer } from './builder.js'
import { defineNetwork, paper } from './definition.js'

type Row =
  | readonly [name: string, op: 'conv', kernel: number, stride: number, channels: number]
  | readonly [name: string, op: 'max', kernel: number, stride: number]
  | readonly [name: string, op: 'lrn']
  | readonly [name: string, op: 'maxout', features: number, pieces: number]

// biome-ignore format: the columns of the paper
const rows: readonly Row[] = [
  //          op      kernel  stride  channels
  ['conv1',  'conv',    7,      2,      64],
  ['pool1',  'max',     3,      2         ],
  ['rnorm1', 'lrn'                        ],
  ['conv2a', 'conv',    1,      1,      64],
  ['conv2',  'conv',    3,      1,     192],
  ['rnorm2', 'lrn'                        ],
  ['pool2',  'max',     3,      2         ],
  ['conv3a', 'conv',    1,      1,     192],
  ['conv3',  'conv',    3,      1,     384],
  ['pool3',  'max',     3,      2         ],
  ['conv4a', 'conv',    1,      1,     384],
  ['conv4',  'conv',    3,      1,     256],
  ['conv5a', 'conv',    1,      1,     256],
  ['conv5',  'conv',    3,      1,     256],
  ['conv6a', 'conv',    1,      1,     256],
  ['conv6',  'conv',    3,      1,     256],
  ['pool4',  'max',     3,      2         ],
  //          op      features, pieces: 32 x 128 are left
  ['fc1',    'maxout', 8192,    2         ],
  ['fc2',    'maxout', 8192,    2         ],
]

function append(x: Layer, row: Row): Layer {
  const [name, op] = row
  if (op === 'lrn') return x.lrn(name)
  const [, , size, count] = row
  if (op === 'maxout') return x.fullyConnected(name, size).maxout(`${name}/maxout`, count)
  if (op === 'max') return x.pool(name, 'max', { kernel: size, stride: count })
  return x.conv(name, row[4], { kernel: size, stride: count })
}

export const nn1 = defineNetwork({
  name: 'nn1',
  title: 'NN1 (Zeiler & Fergus)',
  inputSize: { height: 220, width: 220 },
  dimensions: 128,
  source: `${paper}, table 1`,
  parameters: 140_025_664,
  multiplyAdds: 1_605_944_064,
  published: { parameters: '140 M', multiplyAdds: '1.6 G' },
  options: ['dimensions', 'batchNorm', 'norm'],
  layers: (image, dimensions) => rows.reduce(append, image).fullyConnected('fc7128', dimensions),
})
