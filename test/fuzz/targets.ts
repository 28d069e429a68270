/** All that is fuzzed. */
import type { Target } from './target.js'
import { calls } from './targets/calls.js'
import { files } from './targets/files.js'
import { onnx } from './targets/onnx.js'
import { texts } from './targets/texts.js'
import { weights } from './targets/weights.js'

export async function targets(): Promise<Target[]> {
  return [...texts, ...onnx, ...weights, ...(await files()), ...calls]
}
