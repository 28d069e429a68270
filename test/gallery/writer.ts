/** Adds faces to the gallery at the first argument until it is killed, and prints the id of each that was added. */
import { openGallery } from '../../lib/index.js'
import { model, randomRows } from './support.js'

const [path, first] = process.argv.slice(2) as [string, string]
const gallery = await openGallery(path, { model })
for (let i = Number(first); ; i++) {
  const id = await gallery.add({ id: `w${i}`, embedding: randomRows(1, i + 100) })
  process.stdout.write(`${id}\n`)
}
