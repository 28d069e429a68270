/**
 * onnxruntime-node, where the user has installed it: the plain evaluation that an import is compared with. It is a peer that
 * may be missing, and is looked for only when an import is checked.
 */
import { FaceNetError } from '../../errors.js'

const packageName = 'onnxruntime-node'
export const installAdvice = `npm install ${packageName}`

/** The part of its surface that is used here. */
export interface OnnxRuntime {
  InferenceSession: {
    create(model: string | Uint8Array, options: object): Promise<Session>
  }
  Tensor: new (type: string, data: Float32Array | Float64Array | Uint8Array | Uint16Array, dims: number[]) => object
}

export interface Session {
  run(feeds: Record<string, object>, fetches: readonly string[]): Promise<Record<string, RuntimeTensor>>
  release(): Promise<void>
}

export interface RuntimeTensor {
  readonly dims: readonly number[]
  readonly type: string
  readonly data: ArrayLike<number> | ArrayLike<bigint>
}

/** Undefined where it is not installed. Throws where it is and cannot be loaded. */
export async function loadOnnxRuntime(name = packageName): Promise<OnnxRuntime | undefined> {
  try {
    // By a name that bundlers do not follow.
    const loaded = (await import(name)) as OnnxRuntime & { default?: OnnxRuntime }
    return loaded.InferenceSession ? loaded : loaded.default
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
    if (missing && String(cause).includes(name)) return undefined
    throw new FaceNetError('ERR_FACENET_IO', `${name} is installed but cannot be loaded: ${cause}`, { cause })
  }
}

/**
 * Opens a model for a plain evaluation, node by node as the file says: its optimisations are off, one of which (versions 1.17
 * to 1.23 at least) folds a Pad with zeros into a MaxPool, which pads with minus infinity.
 */
export function openSession(runtime: OnnxRuntime, model: string | Uint8Array): Promise<Session> {
  return runtime.InferenceSession.create(model, { graphOptimizationLevel: 'disabled', logSeverityLevel: 4 })
}
