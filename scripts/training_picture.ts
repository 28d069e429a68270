/**
 * Makes docs/training.png of a run's curves, as reports draw them (`--run`). Chromium takes the picture.
 *
 *     node --import tsx scripts/training_picture.ts <folder of the run>
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { page as reportPage } from '../lib/report/page.js'
import { trainingSection } from '../lib/report/sections/training.js'
import { readProgress } from '../lib/report/training_progress.js'
import { withPage } from '../test/report/browser.js'

const picture = fileURLToPath(new URL('../docs/training.png', import.meta.url))
const run = process.argv[2]
if (!run) throw new Error('Expected the folder of a run')

const folder = await mkdtemp(join(tmpdir(), 'facenet-curves-'))
try {
  const file = join(folder, 'curves.html')
  const sections = [trainingSection(await readProgress(run))]
  await writeFile(
    file,
    reportPage({ kicker: '', title: '', lead: '', headlines: [], facts: [], sections, faceStyle: '' }),
  )
  await withPage(file, { width: 1100 }, async ({ page }) => {
    const taken = await page.locator('#training').screenshot()
    await sharp(taken).png({ palette: true, colours: 64, effort: 10 }).toFile(picture)
  })
} finally {
  await rm(folder, { recursive: true, force: true })
}
