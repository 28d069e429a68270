/** People who are told apart by the colours of their clothes: small pictures for tests, and a small network to learn them. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { writeModel } from '../../lib/files/model/model_file.js'
import { f32Tensor } from '../../lib/files/model/tensor.js'
import type { GraphDescription } from '../../types/graph.js'
import { batchNorm, conv, fullyConnected, l2Normalize, preprocess, randomTensors, relu } from '../graph/support.js'
import { seeded } from '../support/random.js'

const side = 12

const graph: GraphDescription = {
  name: 'small',
  input: { name: 'image', height: 8, width: 8, channels: 3, dtype: 'u8' },
  nodes: [
    preprocess('x', 'image'),
    conv('a', 'x', 6, { kernel: 3, stride: 2, bias: false }),
    batchNorm('a/bn', 'a'),
    relu('a/relu', 'a/bn'),
    fullyConnected('fc', 'a/relu', 8),
    l2Normalize('y', 'fc'),
  ],
  outputs: ['y'],
}

/** A model of 8 x 8 pixels and 8 floats, with batch normalisation; `bias` draws all embeddings together. */
export async function writeSmallNetwork(path: string, bias = 0): Promise<string> {
  const tensors = new Map(
    Object.entries(randomTensors(graph, 1)).map(([name, { shape, data }]) => [name, f32Tensor(shape, data)]),
  )
  const biases = tensors.get('fc.bias')!.data
  for (const i of biases.keys()) biases[i]! += bias
  await writeModel(path, { graph, tensors })
  return path
}

/** `folder/person_<i>/person_<i>_000<j>.png`; person i has `faces[i]` of them. */
export async function writePeople(folder: string, faces: readonly number[]): Promise<string> {
  for (const [person, count] of faces.entries()) {
    const colour = seeded(500 + person)
    const base = Array.from({ length: side * side * 3 }, () => colour.integer(40, 215))
    const own = join(folder, `person_${person}`)
    await mkdir(own, { recursive: true })
    for (let i = 1; i <= count; i++) {
      const noise = seeded(person * 1000 + i)
      const data = Uint8Array.from(base, (value) => value + noise.integer(-40, 40))
      const png = await sharp(data, { raw: { width: side, height: side, channels: 3 } })
        .png()
        .toBuffer()
      await writeFile(join(own, `person_${person}_${String(i).padStart(4, '0')}.png`), png)
    }
  }
  return folder
}

/** One fold of pairs, 10 of each kind, of the first ten people. */
export async function writePairs(path: string): Promise<string> {
  const same = Array.from({ length: 10 }, (_, i) => `person_${i}\t1\t2`)
  const different = Array.from({ length: 10 }, (_, i) => `person_${i}\t1\tperson_${(i + 3) % 10}\t2`)
  await writeFile(path, `${['10', ...same, ...different].join('\n')}\n`)
  return path
}
