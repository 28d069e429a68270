/**
 * nn4.small2 of OpenFace: NN4 made smaller, with batch normalisation after every convolution.
 *
 * Input 96 x 96 x 3, divided by 255. 3,733,968 parameters, 200,118,272 multiply-adds.
 *
 * Layers, order and windows are those of OpenFace's published weights, which differ from the paper's networks: padding is
 * the same on all sides; the pooling inside a block has no padding, its stride is 2 (max) or 3 (L2) even where the
 * block's is 1, and the smaller image it leaves is projected and then padded with zeros back to the block's size. With
 * those projections over the whole block the network would take 207 M multiply-adds, the figure often given.
 */
import { defineNetwork } from './definition.js'
import { type InceptionRow, inceptionStem, inceptions } from './inception.js'

// biome-ignore format: the columns of the paper
const rows: readonly InceptionRow[] = [
  //              #1x1   3x3 reduce, 3x3   5x5 reduce, 5x5   pool, projection   stride
  ['inception3a',   64,     [ 96, 128],       [16,  32],      ['max',  32]          ],
  ['inception3b',   64,     [ 96, 128],       [32,  64],      ['l2',   64]          ],
  ['inception3c',    0,     [128, 256],       [32,  64],      ['max',   0],       2 ],
  ['inception4a',  256,     [ 96, 192],       [32,  64],      ['l2',  128]          ],
  ['inception4e',    0,     [160, 256],       [64, 128],      ['max',   0],       2 ],
  ['inception5a',  256,     [ 96, 384],       [ 0,   0],      ['l2',   96]          ],
  ['inception5b',  256,     [ 96, 384],       [ 0,   0],      ['max',  96]          ],
]

export const nn4Small2 = defineNetwork({
  name: 'nn4.small2',
  title: 'nn4.small2 (OpenFace)',
  inputSize: { height: 96, width: 96 },
  dimensions: 128,
  source: 'Amos, Ludwiczuk, Satyanarayanan: OpenFace, CMU-CS-16-118, 2016',
  parameters: 3_733_968,
  multiplyAdds: 200_118_272,
  published: { parameters: '3,733,968', multiplyAdds: '207 M' },
  options: ['dimensions', 'norm', 'l2Pool'],
  preprocessing: { mode: 'fixed', color: 'rgb', mean: [0], scale: [1 / 255] },
  padding: 'centred',
  batchNorm: { epsilon: 1e-5, scale: true, bias: true },
  layers: (image, dimensions) =>
    inceptions(inceptionStem(image), rows, {
      poolWindow: (kind) => ({ kernel: 3, stride: kind === 'max' ? 2 : 3, padding: 'valid' }),
      order: ['3x3', '5x5', 'pool', '1x1'],
    })
      .pool('pool5', 'avg', { kernel: 3, padding: 'valid' })
      .fullyConnected('fc', dimensions),
})
