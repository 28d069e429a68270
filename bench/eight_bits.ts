/**
 * What keeping embeddings in 8 bits a value costs, on Labeled Faces in the Wild, by the rows of `migration_rows.ts`: the 6,000 pairs of
 * View 2, with both sides kept so, or one; and VAL at FAR 0.001 of all pairs of every fourth photograph.
 *
 *     node --import tsx bench/eight_bits.ts folder
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { curveOf } from '../lib/evaluation/curve.js'
import { parseLfwPairs } from '../lib/evaluation/lfw_pairs.js'
import { squaredDistance } from '../lib/evaluation/listed_images.js'
import { atFar } from '../lib/evaluation/rates.js'
import { readStored } from '../lib/files/index.js'
import { fromEightBits, toEightBits } from '../lib/gallery/eight_bits.js'
import { evaluatePairs } from '../lib/index.js'
import { data } from '../test/clustering/lfw_faces.js'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('name the folder of migration_rows.ts')
const pairs = parseLfwPairs(await readFile(join(data, 'lfw/pairs.txt'), 'utf8'), 'pairs.txt')
const folds = Int32Array.from(pairs, ({ fold }) => fold)
const percent = (share: number) => (100 * share).toFixed(3)
/** Photographs whose pairs are all measured: every so many. */
const every = 4

console.log('| network | kept | accuracy, % | VAL at FAR 0.01, % | VAL at FAR 0.001 of all pairs, % |')
console.log('|---|---|---|---|---|')
for (const name of ['dlib', 'mobilefacenet']) {
  const { data: whole, dimensions, paths, rows } = await readStored(join(folder, `${name}.npy`))
  const eight = fromEightBits(toEightBits(whole, dimensions), rows, dimensions)!
  const rowOf = new Map(paths.map((path, row) => [path.replace(/\.[^.]+$/, ''), row]))
  const cut = (from: Float32Array, row: number) => from.subarray(row * dimensions, (row + 1) * dimensions)
  for (const [kept, a, b] of [
    ['fp32', whole, whole],
    ['8 bits, asked by fp32', whole, eight],
    ['8 bits', eight, eight],
  ] as const) {
    const distances = pairs.map((pair) => squaredDistance(cut(a, rowOf.get(pair.a)!), cut(b, rowOf.get(pair.b)!)))
    const truth = pairs.map(({ same }) => same)
    const { accuracy, val } = await evaluatePairs(distances, truth, folds)
    const [same, different]: [number[], number[]] = [[], []]
    for (let i = 0; i < rows; i += every) {
      for (let j = i + every; j < rows; j += every) {
        const kind = paths[i]!.split('/')[0] === paths[j]!.split('/')[0] ? same : different
        kind.push(squaredDistance(cut(a, i), cut(b, j)))
      }
    }
    const all = atFar(curveOf(Float64Array.from(same), Float64Array.from(different)), 0.001)
    const at = val.find(({ far }) => far === 0.01)!
    console.log(`| ${[name, kept, percent(accuracy), percent(at.val!), percent(all.val)].join(' | ')} |`)
  }
}
