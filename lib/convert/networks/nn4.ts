/**
 * NN4 of the FaceNet paper: NN2 on a still smaller input, without 5x5 convolutions in its last three blocks. The paper
 * says no more than that higher layers have none; this reading is the one that meets its 285 M multiply-adds.
 *
 * Input 96 x 96 x 3. 6,607,888 parameters, 284,741,632 multiply-adds.
 */
import { defineNetwork, inceptionOptions, paper } from './definition.js'
import { type InceptionRow, inceptionStem, inceptions } from './inception.js'
import { rows as rowsOfNN2 } from './nn2.js'

// biome-ignore format: the columns of the paper
const rows: readonly InceptionRow[] = [
  ...rowsOfNN2.slice(0, -3),
  //              #1x1   3x3 reduce, 3x3   5x5 reduce, 5x5   pool, projection   stride
  ['inception4e',    0,     [160, 256],       [ 0,   0],      ['max',   0],       2 ],
  ['inception5a',  384,     [192, 384],       [ 0,   0],      ['l2',  128]          ],
  ['inception5b',  384,     [192, 384],       [ 0,   0],      ['max', 128]          ],
]

export const nn4 = defineNetwork({
  name: 'nn4',
  title: 'NN4 (Inception, 96 pixels)',
  inputSize: { height: 96, width: 96 },
  dimensions: 128,
  source: `${paper}; the last three blocks reconstructed from its figures`,
  parameters: 6_607_888,
  multiplyAdds: 284_741_632,
  published: { parameters: '6.61 M', multiplyAdds: '285 M' },
  options: inceptionOptions,
  layers: (image, dimensions) =>
    inceptions(inceptionStem(image), rows).globalAverage('pool5').fullyConnected('fc', dimensions),
})
