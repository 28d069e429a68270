/**
 * What a linear map between two models costs, on Labeled Faces in the Wild: between dlib's network and MobileFaceNet, both ways, by the
 * rows of `migration_rows.ts`. On all faces as `facenet gallery migrate --map` says it, for several numbers of common faces, and on the
 * 6,000 pairs of View 2, each fold by a map that was fitted on people who are not in it.
 *
 *     node --import tsx bench/migration.ts folder
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLfwPairs } from '../lib/evaluation/lfw_pairs.js'
import { squaredDistance } from '../lib/evaluation/listed_images.js'
import { readStored } from '../lib/files/index.js'
import { applyMap, type CommonRows, type LinearMap, MapFitter } from '../lib/gallery/migrate/linear_map.js'
import { fitAndMeasure, partsOfPeople } from '../lib/gallery/migrate/map_loss.js'
import { evaluatePairs } from '../lib/index.js'
import { data } from '../test/clustering/lfw_faces.js'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('name the folder of migration_rows.ts')
const names = ['dlib', 'mobilefacenet'] as const
const rows = Object.fromEntries(
  await Promise.all(names.map(async (name) => [name, await readStored(join(folder, `${name}.npy`))] as const)),
)
const { paths } = rows.dlib!
if (paths.join() !== rows.mobilefacenet!.paths.join()) throw new Error('the two files are not of the same images')
const personOf = (path: string) => path.split('/')[0]!
const people = [...new Set(paths.map(personOf))]
const numberOf = new Map(people.map((person, number) => [person, number]))
const labels = Int32Array.from(paths, (path) => numberOf.get(personOf(path))!)
const percent = (share: number) => (100 * share).toFixed(2)

const both = (from: string, to: string, chosen: readonly number[]): CommonRows => {
  const cut = ({ data, dimensions }: { data: Float32Array; dimensions: number }) => {
    const out = new Float32Array(chosen.length * dimensions)
    for (const [i, row] of chosen.entries())
      out.set(data.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions)
    return out
  }
  const [a, b] = [rows[from]!, rows[to]!]
  return { from: cut(a), to: cut(b), rows: chosen.length, dimensions: { from: a.dimensions, to: b.dimensions } }
}

console.log('## All pairs of held-out people\n')
console.log('| from | to | common faces | FAR | VAL old | VAL new | VAL mapped | loss, points |')
console.log('|---|---|---|---|---|---|---|---|')
const ways = [
  ['dlib', 'mobilefacenet'],
  ['mobilefacenet', 'dlib'],
] as const
for (const [from, to] of ways) {
  for (const most of [500, 1000, 2000, 5000, paths.length]) {
    const step = paths.length / most
    const chosen = Array.from({ length: Math.min(most, paths.length) }, (_, i) => Math.floor(i * step))
    const { loss } = await fitAndMeasure(
      both(from, to, chosen),
      Int32Array.from(chosen, (row) => labels[row]!),
      'people',
    )
    const figures = loss
      ? [loss.far, percent(loss.old), percent(loss.new), percent(loss.mapped), (100 * loss.loss).toFixed(2)]
      : ['too few pairs', '', '', '', '']
    console.log(`| ${[from, to, chosen.length, ...figures].join(' | ')} |`)
  }
}

console.log('\n## View 2\n')
console.log('| compared | accuracy, % | VAL at FAR 0.01, % |')
console.log('|---|---|---|')
const pairs = parseLfwPairs(await readFile(join(data, 'lfw/pairs.txt'), 'utf8'), 'pairs.txt')
const rowOf = new Map(paths.map((path, row) => [path.replace(/\.[^.]+$/, ''), row]))
const of = (name: string, row: number) =>
  rows[name]!.data.subarray(row * rows[name]!.dimensions, (row + 1) * rows[name]!.dimensions)
const folds = Int32Array.from(pairs, ({ fold }) => fold)
const judge = async (what: string, distance: (pair: { a: number; b: number; fold: number }) => number) => {
  const distances = pairs.map(({ a, b, fold }) => distance({ a: rowOf.get(a)!, b: rowOf.get(b)!, fold }))
  const { accuracy, standardError, val } = await evaluatePairs(
    distances,
    pairs.map(({ same }) => same),
    folds,
  )
  const at = val.find(({ far }) => far === 0.01)!
  console.log(
    `| ${what} | ${percent(accuracy)} ± ${percent(standardError)} | ${percent(at.val!)} ± ${percent(at.standardError!)} |`,
  )
}
for (const name of names) await judge(`${name} with itself`, ({ a, b }) => squaredDistance(of(name, a), of(name, b)))
for (const [from, to] of ways) {
  const maps: LinearMap[] = []
  for (let fold = 0; fold < 10; fold++) {
    const inFold = new Set(pairs.filter((pair) => pair.fold === fold).flatMap(({ a, b }) => [personOf(a), personOf(b)]))
    const chosen = [...paths.keys()].filter((row) => !inFold.has(personOf(paths[row]!)))
    const fitter = await MapFitter.of(both(from, to, chosen), partsOfPeople(chosen.map((row) => labels[row]!)))
    maps.push(fitter.fit())
  }
  await judge(`${from} mapped, with ${to}`, ({ a, b, fold }) =>
    squaredDistance(applyMap(maps[fold]!, of(from, a)), of(to, b)),
  )
  await judge(`${from} mapped, with itself`, ({ a, b, fold }) =>
    squaredDistance(applyMap(maps[fold]!, of(from, a)), applyMap(maps[fold]!, of(from, b))),
  )
}
