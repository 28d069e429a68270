/**
 * NNS1, the "mini Inception" of the FaceNet paper. The paper gives its input and its two figures but not its layers:
 * **the layers below are this project's design**, made to meet both figures. They are NN2's at half its width with a
 * leaner stem and no 4d, and NN1's ending: where the image is down to 3 x 3, a wide fully connected layer with
 * maxout holds 24 of the 26 M parameters, each used once an image.
 *
 * Input 165 x 165 x 3. 25,956,952 parameters, 220,303,792 multiply-adds.
 */
import { defineNetwork, inceptionOptions, paper } from './definition.js'
import { type InceptionRow, inceptionStem, inceptions } from './inception.js'

// biome-ignore format: the columns of the paper's tables
const rows: readonly InceptionRow[] = [
  //              #1x1   3x3 reduce, 3x3   5x5 reduce, 5x5   pool, projection   stride
  ['inception3a',   32,     [ 48,  64],       [ 8,  16],      ['max',  16]          ],
  ['inception3b',   32,     [ 48,  64],       [16,  32],      ['l2',   32]          ],
  ['inception3c',    0,     [ 64, 128],       [16,  32],      ['max',   0],       2 ],
  ['inception4a',  128,     [ 48,  96],       [16,  32],      ['l2',   64]          ],
  ['inception4b',  112,     [ 56, 112],       [16,  32],      ['l2',   64]          ],
  ['inception4c',   96,     [ 64, 128],       [16,  32],      ['l2',   64]          ],
  ['inception4e',    0,     [ 80, 128],       [32,  64],      ['max',   0],       2 ],
  ['inception5a',  192,     [ 96, 256],       [24,  64],      ['l2',   64]          ],
  ['inception5b',  192,     [ 96, 256],       [24,  64],      ['max',  64]          ],
]

export const nns1 = defineNetwork({
  name: 'nns1',
  title: 'NNS1 (mini Inception)',
  inputSize: { height: 165, width: 165 },
  dimensions: 128,
  source: `layers: a design of this project; input and figures: ${paper}`,
  parameters: 25_956_952,
  multiplyAdds: 220_303_792,
  published: { parameters: '26 M', multiplyAdds: '220 M' },
  options: inceptionOptions,
  layers: (image, dimensions) =>
    inceptions(inceptionStem(image, { conv1: [7, 16], conv2: [24, 64] }), rows)
      .pool('pool5', 'max', { kernel: 3, stride: 2 })
      .fullyConnected('fc1', 4608)
      .maxout('fc1/maxout', 2)
      .fullyConnected('fc', dimensions),
})
