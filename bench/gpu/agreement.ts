/**
 * One network's embeddings on the GPU beside those of the CPU in fp32, from one file: prints one JSON object.
 *
 *     agreement <network> <batch> <dtype> <folder of model files>
 *
 * `ok` where the cosine of every pair is at least what the type allows: the files' weights are random, their embeddings are
 * those of noise.
 */
import { openModel } from '../../lib/index.js'
import type { DType } from '../../types/native.js'
import { modelFile } from './model_file.js'

const leastCosine = { f32: 0.99999, bf16: 0.999, f16: 0.999 }
const [name, batchText, dtype, folder] = process.argv.slice(2) as [string, string, DType, string]
const count = Number(batchText)
const path = await modelFile(name, folder)

async function embeddings(device: 'cuda' | 'cpu', type: DType): Promise<Float32Array> {
  await using model = await openModel(path, { device, dtype: type })
  const { height, width } = model.inputSize
  const data = Uint8Array.from(
    { length: count * height * width * 3 },
    (_, i) => (Math.imul(i, 2654435761) >>> 24) & 255,
  )
  return model.embed({ data, width, height, count })
}

const found = await embeddings('cuda', dtype)
const expected = await embeddings('cpu', 'f32')
const cosines = Array.from({ length: count }, (_, row) => cosine(row))

function cosine(row: number): number {
  const dimensions = found.length / count
  let [product, a, b] = [0, 0, 0]
  for (let i = row * dimensions; i < (row + 1) * dimensions; i++) {
    product += found[i]! * expected[i]!
    a += found[i]! ** 2
    b += expected[i]! ** 2
  }
  return product / Math.sqrt(a * b)
}

const least = Math.min(...cosines)
console.log(
  JSON.stringify({
    network: name,
    batch: count,
    dtype,
    ok: least >= leastCosine[dtype],
    leastCosine: least,
    largestDifference: found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0),
  }),
)
