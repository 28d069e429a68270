/**
 * Weights in HDF5 (`.h5`), as Keras 1 and 2 save them. The reader, h5wasm, is HDF5's own library as WebAssembly. It is 15 MB, and
 * few need it, so it is loaded only when such a file is opened. It is given the file's bytes and no file system: links of a
 * hostile file to other files lead nowhere.
 */
import { FaceNetError, invalidModel } from '../../errors.js'
import { elementCount, f32Tensor, type Tensor } from '../../files/model/tensor.js'
import type { NamedTensors } from './inception_resnet.js'
import type { WeightsFile } from './weights_file.js'

const packageName = 'h5wasm'
/** More than the largest of published weights, 92 MB, and what 32-bit memory has room for beside them. */
const maxFileBytes = 2 ** 30
/** Groups may hold each other in a circle. */
const maxDepth = 8
const maxEntries = 20_000
/** A compressed tensor says by itself how large it is; the largest layer of networks for faces has 26 million weights. */
const maxElements = 2 ** 26

/** The part of the library's surface that is used here. */
interface Hdf5 {
  ready: Promise<{ FS: FileSystem; activate_throwing_error_handler(): unknown }>
  File: new (name: string, mode: 'r') => Group & { close(): unknown }
  Group: new (...none: never[]) => Group
  Dataset: new (...none: never[]) => Dataset
}
interface FileSystem {
  writeFile(name: string, bytes: Uint8Array): void
  unlink(name: string): void
}
interface Group {
  keys(): string[]
  get(name: string): unknown
}
interface Dataset {
  readonly shape: number[] | null
  readonly value: unknown
}

/** Hands the tensors of a file to `use`, named `<layer>/<variable>:0`, and closes it again. */
export async function withKeras<T>(weights: WeightsFile, use: (tensors: NamedTensors) => Promise<T>): Promise<T> {
  const { path } = weights
  const bytes = await weights.bytes()
  if (bytes.length > maxFileBytes) throw invalidModel(path, `at most ${maxFileBytes} bytes`, `${bytes.length} bytes`)
  const hdf5 = await loadHdf5(path)
  const library = await hdf5.ready
  // What is wrong comes with what is thrown, instead of on stderr.
  library.activate_throwing_error_handler()
  const { FS } = library
  const name = `/weights-${opened++}.h5`
  FS.writeFile(name, bytes)
  try {
    const file = open(hdf5, name, path)
    try {
      const datasets = new Map<string, Dataset>()
      collect(hdf5, file, [], datasets, path)
      return await use({
        names: datasets.keys(),
        read: (each) => readDataset(`${each} of ${path}`, datasets.get(each)!),
      })
    } finally {
      file.close()
    }
  } finally {
    FS.unlink(name)
  }
}

let opened = 0

export async function loadHdf5(path: string, name = packageName): Promise<Hdf5> {
  try {
    // By a name that bundlers do not follow.
    const loaded = (await import(name)) as Hdf5 & { default?: Hdf5 }
    return loaded.File ? loaded : loaded.default!
  } catch (cause) {
    const [expected, received] = [`the package ${name}, which reads .h5 files: npm install ${name}`, 'none']
    const message = `Expected ${expected}, for ${path}, but found ${received}`
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument: path, expected, received, cause })
  }
}

function open(hdf5: Hdf5, name: string, path: string): Group & { close(): unknown } {
  return guarded(path, () => new hdf5.File(name, 'r'))
}

/** All datasets below a group. Links to other places and other files are no groups and no datasets. */
function collect(hdf5: Hdf5, group: Group, above: readonly string[], found: Map<string, Dataset>, path: string): void {
  for (const key of guarded(path, () => group.keys())) {
    const entry = guarded(path, () => group.get(key))
    const names = [...above, key]
    if (entry instanceof hdf5.Dataset) {
      found.set(nameOf(names), entry)
      if (found.size > maxEntries) throw invalidModel(path, `at most ${maxEntries} tensors`, 'more')
    } else if (entry instanceof hdf5.Group && names.length < maxDepth) collect(hdf5, entry, names, found, path)
  }
}

/** Keras repeats the layer: `model_weights/Conv2d_1a_3x3/Conv2d_1a_3x3/kernel:0`. TensorFlow's variables are named in full. */
function nameOf(names: readonly string[]): string {
  const scope = names.indexOf('InceptionResnetV1')
  return names.slice(scope >= 0 ? scope : -2).join('/')
}

function guarded<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    // The library lists its calls, the innermost last: `#006: <file> line 577 in <function>: truncated file`.
    const reasons = [...String(cause).matchAll(/#\d+: .* in .*?: (.+)/g)]
    throw invalidModel(what, 'a whole HDF5 file', reasons.at(-1)?.[1] ?? String(cause), cause)
  }
}

function readDataset(what: string, dataset: Dataset): Tensor | undefined {
  const shape = guarded(what, () => dataset.shape)
  const sound = shape?.every((extent) => Number.isSafeInteger(extent) && extent >= 0)
  if (!shape || !sound || elementCount(shape) > maxElements) {
    throw invalidModel(`shape of ${what}`, `at most ${maxElements} elements`, shape?.join('x'))
  }
  const value = guarded(what, () => dataset.value)
  if (!(value instanceof Float32Array || value instanceof Float64Array)) return undefined
  if (value.length !== elementCount(shape)) throw invalidModel(what, `${elementCount(shape)} floats`, value)
  return f32Tensor(shape, Float32Array.from(value))
}
