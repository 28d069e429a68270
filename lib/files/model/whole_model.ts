/** Model files and detectors' files with their tensors in memory, read from one open file: what has its name by the end is no matter. */
import type { GraphDescription } from '../../../types/graph.js'
import { checkFingerprint, fingerprintOf } from './fingerprint.js'
import { decodeMetadata, type ModelMetadata } from './metadata.js'
import { checkTensors, otherMetadata } from './model_file.js'
import { type Source, withHeader } from './safetensors.js'
import { bytesOf, type Tensor } from './tensor.js'
import { readAllTensors } from './tensor_reader.js'

/** A model file that was read whole. */
export interface WholeModel {
  graph: GraphDescription
  /** All tensors of the file, also those that the graph does not name. */
  values: Map<string, Tensor>
  metadata: ModelMetadata
  /** Entries of the metadata that are not ours. */
  extra: ReadonlyMap<string, string>
}

/** Reads a model file and compares its fingerprint with its contents: ERR_FACENET_MODEL_INVALID where they differ. */
export function readWholeModel(source: Source): Promise<WholeModel> {
  return withHeader(source, async (header, read) => {
    const { graph, metadata } = decodeMetadata(header.metadata)
    const values = await readAllTensors(header, read)
    checkTensors(graph, values)
    checkFingerprint(metadata.fingerprint, await fingerprintOf(graph, values, ({ data }) => [bytesOf(data)]))
    return { graph, values, metadata, extra: otherMetadata(header) }
  })
}
