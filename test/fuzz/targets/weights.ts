/** Weights of other programs: pickles of PyTorch and NumPy, and Torch7's own format. */
import fc from 'fast-check'
import { readNpyDictionary } from '../../../lib/convert/importers/npy.js'
import { importTorch7 } from '../../../lib/convert/importers/openface.js'
import { openStateDict, readAll } from '../../../lib/convert/importers/torch.js'
import { WeightsFile } from '../../../lib/convert/importers/weights_file.js'
import { npy, npyDictionary, torchLegacy, torchZip } from '../../importers/pickle_writer.js'
import { Floats, Instance, torch7 } from '../../importers/torch7_writer.js'
import { changed, target } from '../target.js'

const array = { shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) }
const zip = torchZip({ 'a.weight': array, 'a.bias': { ...array, strides: [1, 2] } })
const legacy = torchLegacy({ 'a.weight': array, 'a.bias': array })
const dictionary = npyDictionary({ conv1: { weights: array, biases: array } }, {})
const floats = new Floats([8, 3, 3, 3], new Float32Array(216).fill(0.1))
const convolution = new Instance('nn.SpatialConvolution', {
  ...{ nInputPlane: 3, nOutputPlane: 8, kW: 3, kH: 3, dW: 1, dH: 1, padW: 0, padH: 0 },
  weight: floats,
  bias: new Floats([8], new Float32Array(8)),
})
const network = torch7(
  new Instance('nn.Sequential', { modules: [convolution, new Instance('nn.ReLU', { inplace: false })] }),
)

/** Programs of a pickle: instructions with their arguments, which rarely fit together. */
const text = fc.constantFrom(
  'a',
  'numpy',
  'dtype',
  'torch',
  'FloatStorage',
  '__proto__',
  'collections',
  'OrderedDict',
  'state_dict',
)
const latin = (value: string) => Buffer.from(value, 'latin1')
const sized = (op: string, value: string) =>
  Buffer.concat([latin(op), Buffer.from([value.length, 0, 0, 0]), latin(value)])
const instruction: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.constantFrom(...'(.012N)]}absu\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x93\x94\x97\x98Qdeltor').map((op) => latin(op)),
  fc.tuple(fc.constantFrom('h', 'q', 'K'), fc.nat(7)).map(([op, at]) => Buffer.concat([latin(op), Buffer.from([at])])),
  text.map((value) => sized('X', value)),
  fc.tuple(text, text).map(([module, name]) => latin(`c${module}\n${name}\n`)),
  fc
    .constantFrom(
      'cnumpy\ndtype\n',
      'ccollections\nOrderedDict\n',
      'ctorch._utils\n_rebuild_tensor_v2\n',
      'cnumpy.core.multiarray\n_reconstruct\n',
    )
    .map(latin),
  fc.tuple(fc.constantFrom('J', 'B', 'T', 'X', '\x8b', 'I', 'L'), fc.integer()).map(([op, value]) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value | 0)
    return Buffer.concat([latin(op), bytes])
  }),
)
const programs = fc
  .array(instruction, { maxLength: 40 })
  .map((parts) => npy(Buffer.concat([Buffer.from([0x80, 2]), ...parts, latin('.')])))

const readTorch = (bytes: Uint8Array) => readAll(openStateDict(bytes, 'w.pt'))
const readNpy = (bytes: Uint8Array) => readNpyDictionary(bytes, 'w.npy')

export const weights = [
  target('pickle', programs, readNpy, 1500),
  target('npy-weights', changed(dictionary), readNpy),
  target('pt-zip', changed(zip), readTorch),
  target('pt-legacy', changed(legacy), readTorch),
  target('torch7', changed(network), (bytes) =>
    importTorch7(new WeightsFile('w.t7', bytes), { size: [8, 8], mean: 0, scale: 1 }),
  ),
]
