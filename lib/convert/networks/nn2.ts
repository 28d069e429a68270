/**
 * NN2 of the FaceNet paper (table 2): GoogLeNet's Inception with L2 pooling.
 *
 * Input 224 x 224 x 3. 7,456,304 parameters, 1,596,530,688 multiply-adds.
 */
import { defineNetwork, inceptionOptions, paper } from './definition.js'
import { type InceptionRow, inceptionStem, inceptions } from './inception.js'

// biome-ignore format: the columns of the paper
export const rows: readonly InceptionRow[] = [
  //              #1x1   3x3 reduce, 3x3   5x5 reduce, 5x5   pool, projection   stride
  ['inception3a',   64,     [ 96, 128],       [16,  32],      ['max',  32]          ],
  ['inception3b',   64,     [ 96, 128],       [32,  64],      ['l2',   64]          ],
  ['inception3c',    0,     [128, 256],       [32,  64],      ['max',   0],       2 ],
  ['inception4a',  256,     [ 96, 192],       [32,  64],      ['l2',  128]          ],
  ['inception4b',  224,     [112, 224],       [32,  64],      ['l2',  128]          ],
  ['inception4c',  192,     [128, 256],       [32,  64],      ['l2',  128]          ],
  ['inception4d',  160,     [144, 288],       [32,  64],      ['l2',  128]          ],
  ['inception4e',    0,     [160, 256],       [64, 128],      ['max',   0],       2 ],
  ['inception5a',  384,     [192, 384],       [48, 128],      ['l2',  128]          ],
  ['inception5b',  384,     [192, 384],       [48, 128],      ['max', 128]          ],
]

export const nn2 = defineNetwork({
  name: 'nn2',
  title: 'NN2 (Inception, 224 pixels)',
  inputSize: { height: 224, width: 224 },
  dimensions: 128,
  source: `${paper}, table 2`,
  parameters: 7_456_304,
  multiplyAdds: 1_596_530_688,
  published: { parameters: '7.46 M', multiplyAdds: '1.6 G' },
  options: inceptionOptions,
  layers: (image, dimensions) =>
    inceptions(inceptionStem(image), rows).globalAverage('pool5').fullyConnected('fc', dimensions),
})
