/**
 * NNS2, the "tiny Inception" of the FaceNet paper, which embedded a face in 30 ms on a phone of its time. The paper gives
 * its input and its two figures but not its layers: **the layers below are this project's design**, made to meet both
 * figures in the same way as NNS1's.
 *
 * Input 140 x 116 x 3: the paper writes 140x116 and its tables give rows before columns; so does a face, being taller
 * than wide. 4,315,276 parameters, 20,050,976 multiply-adds.
 */
import { defineNetwork, inceptionOptions, paper } from './definition.js'
import { type InceptionRow, inceptionStem, inceptions } from './inception.js'

// biome-ignore format: the columns of the paper's tables
const rows: readonly InceptionRow[] = [
  //              #1x1   3x3 reduce, 3x3   5x5 reduce, 5x5   pool, projection   stride
  ['inception3a',   16,     [ 16,  32],       [ 4,   8],      ['max',   8]          ],
  ['inception3c',    0,     [ 24,  64],       [ 8,  16],      ['max',   0],       2 ],
  ['inception4a',   64,     [ 24,  48],       [ 8,  16],      ['l2',   32]          ],
  ['inception4b',   64,     [ 24,  48],       [ 8,  16],      ['l2',   32]          ],
  ['inception4e',    0,     [ 32,  64],       [ 8,  32],      ['max',   0],       2 ],
  ['inception5a',   96,     [ 48,  96],       [16,  32],      ['l2',   32]          ],
  ['inception5b',   96,     [ 48,  96],       [16,  32],      ['max',  32]          ],
]

export const nns2 = defineNetwork({
  name: 'nns2',
  title: 'NNS2 (tiny Inception)',
  inputSize: { height: 140, width: 116 },
  dimensions: 128,
  source: `layers: a design of this project; input and figures: ${paper}`,
  parameters: 4_315_276,
  multiplyAdds: 20_050_976,
  published: { parameters: '4.3 M', multiplyAdds: '20 M' },
  options: inceptionOptions,
  layers: (image, dimensions) =>
    inceptions(inceptionStem(image, { conv1: [3, 8], conv2: [8, 24] }), rows)
      .fullyConnected('fc1', 768)
      .maxout('fc1/maxout', 2)
      .fullyConnected('fc', dimensions),
})
