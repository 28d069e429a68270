// Prints what scripts/gpu/sass.mjs reads of the kernels on tensor cores, as a Markdown table: `node scripts/gpu/sass_table.mjs`.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../files.mjs'
import { kernelsOf } from './sass.mjs'

const folder = join(root, 'build/cmake/CMakeFiles/facenet.dir/cuda')
if (!existsSync(folder)) throw new Error('There are no objects of kernels: run `npm run build:native` where nvcc is')
const objects = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith('.cu.o'))

/** convMma<128, 128, 64, 64, 2, bf16> for a mangled name: the kernel, the numbers of its tile, its types. */
function readable(name) {
  const kernel = name.match(/convMma|weightGradientMma|stemKernel/)?.[0] ?? name
  const numbers = [...(name.match(/(?:Tile|Mma)I((?:Li\d+E|Lb\dE)+)/)?.[1] ?? '').matchAll(/L[ib](\d+)E/g)]
  const types = new Set([...name.matchAll(/NS_\d(bf16|f16)E/g)].map(([, type]) => type))
  if (/Ef[ELS]|EfN/.test(name)) types.add('f32')
  return `${kernel}<${[...numbers.map(([, number]) => number), ...types].join(', ')}>`
}

const columns = ['HMMA', 'LDSM', 'LDGSTS', 'LDG', 'all']
console.log(`| kernel | machine | bytes | ${columns.map((name) => `${name} per step`).join(' | ')} | per HMMA |`)
console.log(`|${' --- |'.repeat(columns.length + 4)}`)
for (const path of objects)
  for (const { name, architecture, bytes, loops } of kernelsOf(join(folder, path)))
    for (const loop of loops) {
      const counts = columns.map((column) => loop[column] ?? 0).join(' | ')
      const ratio = (loop.all / loop.HMMA).toFixed(2)
      console.log(`| ${readable(name)} | ${architecture} | ${bytes} | ${counts} | ${ratio} |`)
    }
