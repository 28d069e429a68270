// Writes one file again and again until it is killed, and prints the number of each time that has ended: `writer.mjs <kind> <path> <first>`.
import { existsSync } from 'node:fs'
import { openOutput } from '../../dist/esm/files/index.js'
import { createTrainer, openGallery } from '../../dist/esm/index.js'
import { network } from './network.mjs'

const [kind, path, first] = process.argv.slice(2)
const embedding = (n) => Float32Array.of(n, 1, 2, 3, 4, 5, 6, 7)
const options = {
  dimensions: 8,
  fingerprint: 'f00d'.repeat(16),
  preparation: { align: 'none', flip: false, decode: 1 },
}

async function writerOf() {
  if (kind === 'gallery') {
    const gallery = await openGallery(path, { model: { fingerprint: options.fingerprint, dimensions: 8 } })
    return (n) => gallery.add({ id: `w${n}`, embedding: embedding(n) })
  }
  if (kind === 'checkpoint') {
    const trainer = existsSync(path) ? await createTrainer.resume(path) : await createTrainer(network(), { threads: 1 })
    return (n) => trainer.save(path, { state: { n } })
  }
  return async (n) => {
    const output = await openOutput(path, options)
    const rows = Array.from({ length: 50 }, (_, i) => ({ path: `${n}/${i}`, embedding: embedding(n) }))
    await output.write(rows)
    await output.close()
  }
}

const write = await writerOf()
for (let n = Number(first); ; n++) {
  await write(n)
  process.stdout.write(`${n}\n`)
}
