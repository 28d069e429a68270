/** Options of the commands that work on model files and networks: import, export, networks. */
import { flag, group, list, number, oneOf, parsed, pathEnding, required, text, type Values } from './option.js'
import { outOption } from './shared.js'

export const importOptions = {
  ...group('Weights', {
    graph: text({ text: 'Node list (.graph.json) that goes with a .safetensors file', value: '<file>' }),
    output: text({ text: 'Of an ONNX file with several outputs: the one that is the embedding', value: '<name>' }),
    check: flag({
      text: 'Fail where the import cannot be compared with onnxruntime-node; without this it is compared where that is installed',
    }),
    noCheck: flag({ text: 'Do not compare' }),
  }),
  ...group('Input of the network', {
    size: parsed('height x width, as 112x112', { text: 'Input size in pixels', value: '<HxW>' }, readSize),
    color: oneOf(['rgb', 'bgr', 'grey'], { text: 'Order of the colour channels', value: '<order>' }),
    mean: list(number({ text: '' }), {
      text: 'Value subtracted from each pixel: one for all channels, or three',
      value: '<x,...>',
    }),
    scale: list(number({ text: '' }), {
      text: 'Factor applied after the subtraction: one for all channels, or three',
      value: '<x,...>',
    }),
    normalize: flag({
      text: 'Append the L2 norm, for networks whose embeddings are compared by their angle (ArcFace and its like)',
    }),
    alignment: parsed(
      'dlib, arcface112, margin:<pixels>, margin:<percent>% or none',
      { text: 'How faces were cut out for the network', value: '<template>' },
      (given) => (/^(none|dlib|arcface112|margin:\d{1,4}(\.\d{1,4})?%?)$/.test(given) ? given : undefined),
    ),
  }),
  ...group('Output', {
    out: required(pathEnding(['.safetensors'], { ...outOption, text: 'Model file to write' })),
    name: text({ text: 'Name of the model', value: '<name>' }),
    threshold: number({ text: 'Squared distance below which two faces show the same person', min: 0 }),
  }),
}
export type ImportOptions = Values<typeof importOptions>

/** `112x112` or, square, `112`: height before width. */
function readSize(given: string): [number, number] | undefined {
  const [, height, width = height] = /^([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?$/.exec(given) ?? []
  return height === undefined ? undefined : [Number(height), Number(width)]
}

export const exportOptions = group('Output', {
  out: required(pathEnding(['.onnx'], { ...outOption, text: 'ONNX file to write' })),
})
export type ExportOptions = Values<typeof exportOptions>

export const networksOptions = group('Output', {
  plan: flag({ text: 'Show what is executed: steps, shapes, offsets and what was fused' }),
  training: flag({ text: 'With --plan: show what training executes, forward and backward' }),
})
export type NetworksOptions = Values<typeof networksOptions>

export const buildOptions = group('Computation', {
  cuda: flag({ text: 'Compile the CUDA kernels, and fail where nvcc is missing' }),
  noCuda: flag({ text: 'Leave the CUDA kernels out; without either they are compiled where nvcc is there' }),
})
export type BuildOptions = Values<typeof buildOptions>

export const modelActions = ['list', 'info', 'pull', 'import', 'path', 'remove'] as const

export const modelsOptions = group('Licence', {
  acceptLicense: flag({
    text: 'Say that the licence was read and holds; needed for models that may not be used commercially',
    kinds: ['pull', 'import'],
  }),
})
export type ModelsOptions = Values<typeof modelsOptions>
