/** `facenet export`: a model file as ONNX. */
import { exportOnnx } from '../../convert/exporters/onnx.js'
import { writeAtomically } from '../../files/atomic_write.js'
import { readWholeModel } from '../../files/model/whole_model.js'
import type { Context } from '../context.js'
import type { ExportOptions } from '../options/files.js'

export async function run(context: Context<ExportOptions>): Promise<void> {
  const [path] = context.operands
  const { out } = context.options
  const { graph, metadata, values } = await readWholeModel(path!)
  const bytes = exportOnnx(graph, values, { notes: metadata })
  await writeAtomically(out, (write) => write(bytes))
  const { network, fingerprint } = metadata
  if (context.json) await context.print(JSON.stringify({ out, network, bytes: bytes.length, fingerprint }))
  else context.say(`${network} written to ${out}, ${(bytes.length / 1e6).toFixed(1)} MB`)
}
