/**
 * The one kind of `.npy` file that weights come in: a dictionary of dictionaries of arrays, which NumPy stores as a pickle
 * behind its header (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
 */
import { invalidModel } from '../../errors.js'
import { elementCount, f32Tensor, type Tensor } from '../../files/model/tensor.js'
import { type AllowList, ElementBudget, mapOf, PickleReader, sizesOf, unpickle } from './pickle.js'

const magic = Buffer.from('\x93NUMPY', 'latin1')

/** Tensors by `<layer>.<parameter>`. `file` stands for the bytes in errors. */
export function readNpyDictionary(bytes: Uint8Array, file: string): Map<string, Tensor> {
  const content = contentOf(bytes, file)
  const root = unpickle(new PickleReader(content), file, allowed)
  if (!(root instanceof PickledArray) || !Array.isArray(root.content)) {
    throw invalidModel(file, 'an array of Python objects', root)
  }
  const budget = new ElementBudget(file, bytes.length)
  const tensors = new Map<string, Tensor>()
  for (const [layer, parameters] of mapOf(root.content[0], file)) {
    for (const [parameter, array] of mapOf(parameters, `${layer} of ${file}`)) {
      const name = `${layer}.${parameter}`
      if (!(array instanceof PickledArray)) throw invalidModel(`${name} of ${file}`, 'an array', array)
      tensors.set(name, array.tensor(`${name} of ${file}`, budget))
    }
  }
  return tensors
}

/** What follows the header. */
function contentOf(bytes: Uint8Array, file: string): Uint8Array {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.length < 12 || !view.subarray(0, 6).equals(magic)) throw invalidModel(file, 'a .npy file', 'other bytes')
  const [start, length] = view[6] === 1 ? [10, view.readUInt16LE(8)] : [12, view.readUInt32LE(8)]
  const header = view.subarray(start, start + length).toString('latin1')
  if (!/'descr':\s*'\|O'/.test(header)) {
    throw invalidModel(file, 'a dictionary of weights (descr |O)', header.slice(0, 60).trim())
  }
  return bytes.subarray(start + length)
}

/** `numpy.dtype`: what it was made of, and the byte order that its state adds. */
class PickledDtype {
  order = '<'
  constructor(readonly code: string) {}

  __setstate__(state: unknown): void {
    if (Array.isArray(state) && state[1] === '>') this.order = '>'
  }
}

/** `numpy.ndarray`. The state is (version, shape, dtype, by columns, bytes or list of objects). */
class PickledArray {
  content: unknown
  private shape: unknown
  private dtype: unknown
  private byColumns: unknown

  __setstate__(state: unknown): void {
    if (!Array.isArray(state) || state.length !== 5) throw invalidModel('state of an array', 'five entries', state)
    ;[, this.shape, this.dtype, this.byColumns, this.content] = state
  }

  tensor(what: string, budget: ElementBudget): Tensor {
    const shape = sizesOf(this.shape, `shape of ${what}`)
    const code = this.dtype instanceof PickledDtype ? `${this.dtype.order}${this.dtype.code}` : 'none'
    if (code !== '<f4' && code !== '<f8') throw invalidModel(`type of ${what}`, 'f4 or f8, little-endian', code)
    if (this.byColumns) throw invalidModel(what, 'rows one after another', 'columns')
    const { content } = this
    const bytes = typeof content === 'string' ? new Uint8Array(Buffer.from(content, 'latin1')) : content
    const size = elementCount(shape) * Number(code[2])
    if (!(bytes instanceof Uint8Array) || bytes.length !== size) throw invalidModel(what, `${size} bytes`, bytes)
    budget.take(elementCount(shape))
    const { buffer } = new Uint8Array(bytes)
    return f32Tensor(shape, code === '<f4' ? new Float32Array(buffer) : Float32Array.from(new Float64Array(buffer)))
  }
}

/** Of a list in lists, its text would have any length. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw invalidModel('pickle', 'a text', value)
}

const reconstruct = () => new PickledArray()
const allowed: AllowList = {
  'numpy.core.multiarray._reconstruct': reconstruct,
  'numpy._core.multiarray._reconstruct': reconstruct,
  'numpy.ndarray': () => new PickledArray(),
  'numpy.dtype': (code: unknown) => new PickledDtype(textOf(code)),
  /** How Python 3 writes bytes for Python 2: as a text of their codes, which is left as it is until an array is made of it. */
  '_codecs.encode': textOf,
}
