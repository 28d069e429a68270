/**
 * NN3 of the FaceNet paper: NN2 on a smaller input.
 *
 * Input 160 x 160 x 3. 7,456,304 parameters, 814,620,672 multiply-adds.
 */
import { defineNetwork, inceptionOptions, paper } from './definition.js'
import { inceptionStem, inceptions } from './inception.js'
import { rows } from './nn2.js'

export const nn3 = defineNetwork({
  name: 'nn3',
  title: 'NN3 (Inception, 160 pixels)',
  inputSize: { height: 160, width: 160 },
  dimensions: 128,
  source: paper,
  parameters: 7_456_304,
  multiplyAdds: 814_620_672,
  published: { parameters: '7.46 M', multiplyAdds: '815 M' },
  options: inceptionOptions,
  layers: (image, dimensions) =>
    inceptions(inceptionStem(image), rows).globalAverage('pool5').fullyConnected('fc', dimensions),
})
