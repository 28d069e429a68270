/** What is sound ONNX, or nearly, but not what we have an op for: an error that names the node and what is wrong with it. */
import { test } from 'uvu'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { floats, modelFails, node, source, whole } from './support.js'

const image = [1, 3, 4, 4]
const weight = floats([2, 3, 3, 3], new Float32Array(54))
const unsound: [string, ReturnType<typeof source>, RegExp][] = [
  ['an unknown op', source(image, [node('Sin', ['x'], 'y')]), /for node y but received the unsupported op Sin/],
  ['an input that nothing makes', source(image, [node('Relu', ['z'], 'y')]), /the unknown z/],
  [
    'a cycle',
    source(image, [node('Relu', ['b'], 'a'), node('Relu', ['a'], 'b'), node('Add', ['b', 'x'], 'y')]),
    /the unknown b/,
  ],
  ['an output that nothing makes', source(image, [node('Relu', ['x'], 'z')]), /outputs/],
  ['the image itself as output', source(image, [node('Identity', ['x'], 'y')]), /outputs/],
  ['weights that are an activation', source(image, [node('Conv', ['x', 'x'], 'y')]), /a constant/],
  ['a convolution without weights', source(image, [node('Conv', ['x'], 'y')]), /received none/],
  [
    'weights of too few dimensions',
    source(image, [node('Conv', ['x', 'w'], 'y')], { w: floats([2, 3], new Array(6)) }),
    /weight of/,
  ],
  [
    'weights for other channels',
    source(image, [node('Conv', ['x', 'w'], 'y')], { w: floats([1, 2, 1, 1], [1, 2]) }),
    /3\/1/,
  ],
  [
    'groups that do not divide',
    source(image, [node('Conv', ['x', 'w'], 'y', { group: 2 })], { w: weight }),
    /weight of/,
  ],
  ['a group of none', source(image, [node('Conv', ['x', 'w'], 'y', { group: 0 })], { w: weight }), /weight of/],
  [
    'a bias of another length',
    source(image, [node('Conv', ['x', 'w', 'b'], 'y')], { w: weight, b: floats([3], [1, 2, 3]) }),
    /2 values/,
  ],
  [
    'a kernel that contradicts the weights',
    source(image, [node('Conv', ['x', 'w'], 'y', { kernel_shape: [2, 2] })], { w: weight }),
    /kernel_shape/,
  ],
  [
    'a dilation of none',
    source(image, [node('Conv', ['x', 'w'], 'y', { dilations: [0, 2] })], { w: weight }),
    /dilations/,
  ],
  [
    'a dilated kernel that is larger than the image',
    source(image, [node('Conv', ['x', 'w'], 'y', { dilations: [2, 2] })], { w: weight }),
    /received 5x5 over 4x4/,
  ],
  [
    'a pool with windows whose taps all lie in the padding',
    source(image, [node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], dilations: [6, 6], pads: [2, 2, 2, 2] })]),
    /a pixel of the image in every window/,
  ],
  [
    'a stride of none',
    source(image, [node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], strides: [0, 1] })]),
    /strides/,
  ],
  ['a window without a kernel', source(image, [node('MaxPool', ['x'], 'y')]), /kernel_shape/],
  [
    'a window larger than the image',
    source(image, [node('MaxPool', ['x'], 'y', { kernel_shape: [5, 5] })]),
    /5x5 over/,
  ],
  [
    'negative padding',
    source(image, [node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], pads: [-1, 0, 0, 0] })]),
    /pads/,
  ],
  [
    'an attribute of another kind',
    source(image, [node('MaxPool', ['x'], 'y', { kernel_shape: 'big' })]),
    /kernel_shape/,
  ],
  [
    'indices of a max pool',
    source(image, [{ ...node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2] }), outputs: ['y', 'i'] }]),
    /one output/,
  ],
  [
    'padding with infinity',
    source(image, [node('Pad', ['x', 'p', 'v'], 'y')], {
      p: whole([0, 0, 1, 1, 0, 0, 1, 1]),
      v: floats([], [-Infinity]),
    }),
    /one finite number/,
  ],
  [
    'padding that wraps around',
    source(image, [node('Pad', ['x', 'p'], 'y', { mode: 'wrap' })], { p: whole([0, 0, 1, 1, 0, 0, 1, 1]) }),
    /constant, edge or reflect for mode of Pad y but received wrap/,
  ],
  [
    'channels mirrored',
    source(image, [node('Pad', ['x', 'p'], 'y', { mode: 'edge' })], { p: whole([0, 0, 1, 1, 0, 1, 1, 1]) }),
    /pixels around the image for pads/,
  ],
  [
    'more mirrored than there is',
    source(image, [node('Pad', ['x', 'p'], 'y', { mode: 'reflect' })], { p: whole([0, 0, 4, 0, 0, 0, 0, 0]) }),
    /less padding than the image has/,
  ],
  [
    'an instance normalisation of other channels',
    source(image, [node('InstanceNormalization', ['x', 's', 's'], 'y')], { s: floats([2], [1, 1]) }),
    /3 values/,
  ],
  ['cropping', source(image, [node('Pad', ['x', 'p'], 'y')], { p: whole([0, 0, -1, 0, 0, 0, 0, 0]) }), /pads/],
  ['channels in front', source(image, [node('Pad', ['x', 'p'], 'y')], { p: whole([0, 1, 0, 0, 0, 0, 0, 0]) }), /pads/],
  [
    'a quotient of two activations',
    source(image, [node('Relu', ['x'], 'a'), node('Div', ['a', 'x'], 'y')]),
    /Div of two activations/,
  ],
  [
    'a product of two shapes',
    source(image, [node('GlobalMaxPool', ['x'], 'a'), node('Flatten', ['a'], 'b'), node('Mul', ['b', 'x'], 'y')]),
    /one shape, or/,
  ],
  [
    'a sum of two shapes',
    source(image, [node('GlobalMaxPool', ['x'], 'a'), node('Add', ['a', 'x'], 'y')]),
    /one shape/,
  ],
  [
    'a constant along the width of a large map',
    source([1, 3, 112, 112], [node('Relu', ['x'], 'a'), node('Mul', ['a', 'c'], 'y')], {
      c: floats(
        [112],
        Array.from({ length: 112 }, (_, i) => i),
      ),
    }),
    /one a channel of 1x3x112x112, or one a pixel where .* for constant of Mul y but received 112/,
  ],
  [
    'a constant that does not line up',
    source(image, [node('Relu', ['x'], 'a'), node('Mul', ['a', 'c'], 'y')], { c: floats([5], [1, 2, 3, 4, 5]) }),
    /one a channel/,
  ],
  [
    'one divided by an activation',
    source(image, [node('Relu', ['x'], 'a'), node('Div', ['c', 'a'], 'y')], { c: floats([], [1]) }),
    /of a constant by/,
  ],
  ['a reshape that mixes', source(image, [node('Reshape', ['x', 's'], 'y')], { s: whole([1, 4, 3, 4]) }), /reshape/],
  [
    'a reshape to another size',
    source(image, [node('Reshape', ['x', 's'], 'y')], { s: whole([1, 47]) }),
    /48 elements/,
  ],
  ['a reshape into nothing', source(image, [node('Reshape', ['x', 's'], 'y')], { s: whole([-1, -1]) }), /48 elements/],
  [
    'a convolution of what has height and width exchanged',
    source(image, [node('Transpose', ['x'], 't', { perm: [0, 1, 3, 2] }), node('Conv', ['t', 'w'], 'y')], {
      w: weight,
    }),
    /N x C x H x W/,
  ],
  ['an order of other axes', source(image, [node('Transpose', ['x'], 'y', { perm: [0, 1, 1, 2] })]), /perm/],
  [
    'a matrix for other features',
    source(image, [node('Flatten', ['x'], 'f'), node('MatMul', ['f', 'w'], 'y')], { w: floats([2, 2], [1, 2, 3, 4]) }),
    /a vector times/,
  ],
  ['a norm of maps', source(image, [node('LpNormalization', ['x'], 'y', { axis: 1 })]), /a norm over all/],
  ['a norm of the first order', source(image, [node('LpNormalization', ['x'], 'y', { p: 1 })]), /p of LpNormalization/],
  [
    'maxout in no pieces',
    source(image, [node('Reshape', ['x', 's'], 'r'), node('ReduceMax', ['r'], 'y', { axes: [2], keepdims: 0 })], {
      s: whole([1, 3, 0, 4, 4]),
    }),
    /at least 1/,
  ],
  [
    'a stretched constant of any size',
    source(image, [node('Mul', ['a', 'b'], 'c'), node('Mul', ['x', 'c'], 'y')], {
      a: floats([1e5, 1], new Float32Array(1e5)),
      b: floats([1, 1e5], new Float32Array(1e5)),
    }),
    /values/,
  ],
  ['an input without channels', source([1, 4, 4], [node('Relu', ['x'], 'y')]), /a batch of images/],
  ['an input of five channels', source([1, 5, 4, 4], [node('Relu', ['x'], 'y')]), /channels of x/],
]
for (const [name, model, message] of unsound)
  test(`refused: ${name}`, () => modelFails(() => lowerModel(model, {}), message))

/** Attributes and inputs that the operator text of that opset does not have, or in a value that no op of ours computes. */
const forms: [string, ReturnType<typeof source>, RegExp][] = [
  ['an attribute nobody knows', source(image, [node('Relu', ['x'], 'y', { slope: 1 })]), /none .* slope = 1/],
  [
    'an attribute of another opset',
    source(image, [{ ...node('Clip', ['x'], 'y', { min: 0 }), opset: 11 }]),
    /none in opset 11 for attributes of Clip y but received min = 0/,
  ],
  ['more inputs than an op has', source(image, [node('Relu', ['x', 'x'], 'y')]), /at most 1 for inputs of Relu y/],
  [
    'a cast of activations to whole numbers',
    source(image, [node('Cast', ['x'], 'a', { to: 7 }), node('Cast', ['a'], 'y', { to: 1 })]),
    /to of Cast a but received int64/,
  ],
  ['a cast of activations to bool', source(image, [node('Cast', ['x'], 'y', { to: 9 })]), /received bool/],
  [
    'a dropout that trains',
    source(image, [node('Dropout', ['x', 'r', 't'], 'y')], { r: floats([], [0.5]), t: whole([1]) }),
    /training_mode of Dropout y/,
  ],
  [
    'a batch normalisation that trains',
    source(image, [{ ...node('BatchNormalization', ['x', 's', 's', 's', 's'], 'y', { is_test: 0 }), opset: 6 }], {
      s: floats([3], [1, 1, 1]),
    }),
    /is_test of BatchNormalization y/,
  ],
  [
    'a batch normalisation by pixel, with too few statistics',
    source(image, [{ ...node('BatchNormalization', ['x', 's', 's', 's', 's'], 'y', { spatial: 0 }), opset: 7 }], {
      s: floats(
        [3, 4, 2],
        Array.from({ length: 24 }, (_, i) => i + 1),
      ),
    }),
    /constant of BatchNormalization y but received 3x4x2/,
  ],
  [
    'an addition of opset 6 that may not stretch',
    source(image, [{ ...node('Add', ['x', 'b'], 'y'), opset: 6 }], { b: floats([3], [1, 2, 3]) }),
    /broadcast of Add y/,
  ],
  [
    'a resize that smooths',
    source(image, [node('Resize', ['x', '', 's'], 'y', { antialias: 1 })], { s: floats([4], [1, 1, 2, 2]) }),
    /antialias of Resize y/,
  ],
  ['a constant of text', source(image, [node('Constant', [], 'y', { value_string: 'a' })]), /unsupported op Constant/],
  [
    'a length without its axis, which lines up with something else',
    source(image, [
      node('GlobalAveragePool', ['x'], 'g'),
      node('Flatten', ['g'], 'f'),
      node('ReduceL2', ['f'], 'n', { axes: [1], keepdims: 0 }),
      node('Div', ['f', 'n'], 'y'),
    ]),
    /ReduceL2 n/,
  ],
]
for (const [name, model, message] of forms)
  test(`refused: ${name}`, () => modelFails(() => lowerModel(model, {}), message))

test.run()
