/**
 * A file of weights, read once, whichever importers look at it: between two reads another file may have taken its name, and what
 * is imported would not be what was recognised, hashed or compared.
 */
import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import { invalidModel } from '../../errors.js'
import type { Tensor } from '../../files/model/tensor.js'
import { readTensors, type TensorFile } from '../../files/model/tensor_reader.js'
import { readAtMost } from '../../files/read_bounded.js'
import { parseOnnx } from './onnx.js'
import type { SourceModel } from './source.js'
import { openStateDict } from './torch.js'

/** Protobuf's own limit, which one buffer has too. */
export const maxWeightsBytes = 2 ** 31 - 2

export class WeightsFile {
  /** In lower case, with its dot. */
  readonly extension: string
  private readonly sources = new Map<string | undefined, Promise<SourceModel>>()

  /** `given`: what is in the file, where that was read. */
  constructor(
    readonly path: string,
    private readonly given?: Uint8Array,
  ) {
    this.extension = extname(path).toLowerCase()
  }

  readonly bytes = once(async () => this.given ?? readWeights(this.path))

  /** In hexadecimal digits. */
  readonly sha256 = once(async () =>
    createHash('sha256')
      .update(await this.bytes())
      .digest('hex'),
  )

  readonly safetensors: () => Promise<TensorFile> = once(() => readTensors(this.given ?? this.path))

  /** Of PyTorch: by name, what reads a tensor. */
  readonly stateDict: () => Promise<Map<string, () => Tensor | undefined>> = once(async () =>
    openStateDict(await this.bytes(), this.path),
  )

  /** Of ONNX; `output`: the only one of its outputs that is read. */
  onnx(output?: string): Promise<SourceModel> {
    let source = this.sources.get(output)
    if (!source) {
      const outputs = output === undefined ? undefined : [output]
      source = this.bytes().then((bytes) => parseOnnx(bytes, { outputs, path: this.path }))
      this.sources.set(output, source)
    }
    return source
  }
}

/** A regular file, of a size that fits in one buffer. */
export function readWeights(path: string): Promise<Uint8Array> {
  return readAtMost(path, maxWeightsBytes, (size) =>
    invalidModel(path, `a file of at most ${maxWeightsBytes} bytes`, `${size} bytes`),
  )
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
