/** Squeeze-and-excitation as it is written, shortcuts that pool single pixels, and images at the size of others. */
import { test } from 'uvu'
import { convolution, importNetwork, ints, steps } from './onnx_files.js'
import { type Case, checkCase, type Steps, window } from './steps.js'
import { modelFails } from './support.js'

/** One factor a channel of `x`, 4 channels: N x 4, by fully connected layers. */
function excited(graph: Steps, squeezed: string): string {
  const hidden = graph.node('Relu', [graph.node('Gemm', [squeezed, graph.random([4, 2]), graph.random([2])])])
  return graph.node('Sigmoid', [graph.node('Gemm', [hidden, graph.random([2, 4]), graph.random([4])])])
}
const ops = { conv2d: 1, global_pool: 1, fully_connected: 2, relu: 1, sigmoid: 1, multiply: 1 } as const

const gates: Case[] = [
  {
    name: 'view(b, c), fully connected, view(b, c, 1, 1)',
    build: (graph) => {
      const x = graph.conv()
      const vector = graph.node('Reshape', [graph.node('GlobalAveragePool', [x]), graph.ints([1, 4])])
      const factor = graph.node('Reshape', [excited(graph, vector), graph.ints([1, 4, 1, 1])])
      return graph.node('Mul', [x, factor])
    },
    ops,
  },
  {
    name: 'mean over pixels, unsqueezed twice, the factor in front',
    build: (graph) => {
      const x = graph.conv()
      const factor = graph.node('Unsqueeze', [
        excited(graph, graph.reduce('ReduceMean', x, [2, 3], false)),
        graph.ints([2, 3]),
      ])
      return graph.node('Mul', [factor, x])
    },
    ops,
  },
  {
    name: 'expand_as',
    build: (graph) => {
      const x = graph.conv()
      const factor = graph.node('Unsqueeze', [
        excited(graph, graph.reduce('ReduceMean', x, [2, 3], false)),
        graph.ints([2, 3]),
      ])
      return graph.node('Mul', [x, graph.node('Expand', [factor, graph.node('Shape', [x])])])
    },
    ops,
  },
  {
    name: 'an expand that stretches nothing',
    build: (graph) => graph.node('Relu', [graph.node('Expand', [graph.conv(), graph.ints([1, 4, 1, 1])])]),
    ops: { conv2d: 1, relu: 1 },
  },
]

const pixels: Case[] = [
  {
    name: 'pools of one pixel: none with stride 1, every second with stride 2',
    build: (graph) => {
      const x = graph.node('MaxPool', [graph.conv()], window(1, 1, 0))
      return graph.node('AveragePool', [graph.node('MaxPool', [x], window(1, 2, 0))], window(1, 1, 0))
    },
    ops: { conv2d: 1, max_pool: 1 },
  },
]

/** Nearest neighbours of images of 6 x 5 at other sizes. */
const sizes: [number, number, Case['ops']][] = [
  [6, 5, { conv2d: 1, relu: 1 }],
  [12, 10, { conv2d: 1, upsample: 1, relu: 1 }],
  [14, 5, { conv2d: 1, upsample: 1, max_pool: 1, relu: 1 }],
  [9, 10, { conv2d: 1, upsample: 1, max_pool: 1, relu: 1 }],
  [7, 5, { conv2d: 1, upsample: 1, max_pool: 1, relu: 1 }],
  [3, 5, { conv2d: 1, max_pool: 1, relu: 1 }],
  [2, 1, { conv2d: 1, max_pool: 1, relu: 1 }],
]
const nearest = {
  mode: { string: 'nearest' },
  coordinate_transformation_mode: { string: 'asymmetric' },
  nearest_mode: { string: 'floor' },
}
const resizes: Case[] = sizes.flatMap(([height, width, ops]) => [
  {
    name: `to ${height} x ${width} by sizes`,
    build: (graph) =>
      graph.node('Relu', [graph.node('Resize', [graph.conv(), '', '', graph.ints([1, 4, height, width])], nearest)]),
    ops,
  },
  {
    name: `to ${height} x ${width} by scales`,
    build: (graph) => {
      const scales = graph.builder.floats('scales', [4], [1, 1, height / 6, width / 5])
      return graph.node('Relu', [graph.node('Resize', [graph.conv(), '', scales], nearest)])
    },
    ops,
  },
])

for (const each of [...gates, ...pixels, ...resizes]) test(each.name, () => checkCase(each))

/** What reads `c`, 6 x 8 x 8, and makes `y`. */
const refused: [string, Parameters<typeof steps>, RegExp][] = [
  [
    'a ratio that would make a large image on the way',
    [
      [
        'Resize',
        ['c', '', '', 'size'],
        'y',
        { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
      ],
    ],
    /ratios of at most 16 to another for sizes of Resize y but received 8x8 to 17x8/,
  ],
  [
    'pixels that are blended',
    [['Resize', ['c', '', '', 'size'], 'y', { mode: 'linear' }]],
    /nearest, asymmetric, floor for modes of Resize y but received linear, half_pixel/,
  ],
  [
    'an expanded activation that is not a factor',
    [
      ['GlobalAveragePool', ['c'], 'g'],
      ['Expand', ['g', 'whole'], 'e'],
      ['Add', ['c', 'e'], 'y'],
    ],
    /an activation that is not expanded, as a product may have it for input of Add y/,
  ],
  [
    'an expanded activation as the output',
    [
      ['GlobalAveragePool', ['c'], 'g'],
      ['Expand', ['g', 'whole'], 'y'],
    ],
    /what a node makes of the image for outputs/,
  ],
  [
    'an expand to more images',
    [
      ['GlobalAveragePool', ['c'], 'g'],
      ['Expand', ['g', 'batch'], 'y'],
    ],
    /N x C x 1 x 1 to N x C x H x W for shape of Expand y but received 1x6x1x1 to 2x6x8x8/,
  ],
]
const initializers = { size: ints(1, 6, 17, 8), whole: ints(1, 6, 8, 8), batch: ints(2, 6, 8, 8) }
for (const [name, rows, message] of refused) {
  test(`refused: ${name}`, () =>
    modelFails(() => importNetwork({ nodes: [convolution(), ...steps(...rows)], initializers }), message))
}

test.run()
