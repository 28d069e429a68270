/** Weights of other programs, known by their first bytes: to be imported before they are opened. */
import { FaceNetError, invalidModel } from '../../errors.js'

/** So many bytes tell them apart. */
export const foreignHeadBytes = 16

/** Keys of the fields that may follow the version: producer, domain, graph, imports and the like, all of a length. */
const onnxFields = [0x12, 0x1a, 0x22, 0x32, 0x3a, 0x42]

/** What a file that is no safetensors is; undefined where its bytes and its name say nothing. */
export function foreignFormat(head: Uint8Array, path = ''): string | undefined {
  const text = Buffer.from(head).toString('latin1')
  const ending = path.match(/\.[a-z0-9]+$/i)?.[0].toLowerCase()
  if (text.startsWith('PK\x03\x04')) return ending === '.keras' ? 'a Keras file' : 'a PyTorch file'
  if (text.startsWith('\x89HDF\r\n')) return 'an HDF5 file (Keras)'
  if (text.slice(4, 8) === 'TFL3') return 'a TensorFlow Lite file'
  const [first = 0, second = 0, third = 0] = head
  if (first === 0x80 && second >= 2 && second <= 5) return 'a pickle (PyTorch)'
  if (text.startsWith('\x93NUMPY')) return 'a NumPy file'
  // A protobuf message whose first field is a small version number, as ONNX writes it.
  const isOnnx = first === 8 && second >= 1 && second <= 32 && onnxFields.includes(third)
  if (isOnnx || ending === '.onnx') return 'an ONNX file'
  if (ending === '.pt' || ending === '.pth') return 'a PyTorch file'
  if (ending === '.t7') return 'a Torch file'
  if (ending === '.pb') return 'a TensorFlow graph'
  if (ending === '.json') return 'a JSON file'
  return undefined
}

/** The error of opening one, or `error` where it is none. */
export function importFirst(error: unknown, head: Uint8Array, path?: string): unknown {
  const format = foreignFormat(head, path)
  if (!(error instanceof FaceNetError) || error.code !== 'ERR_FACENET_MODEL_INVALID' || !format) return error
  const shown = path ?? 'weights'
  const how = `${format}: facenet-native import ${shown} --out m.safetensors makes one of it, where it is of a format in docs/formats.md`
  return invalidModel(path ?? 'model', 'a model file, which facenet-native import writes,', how, error)
}
