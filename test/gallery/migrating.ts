/** Migrates the gallery at the first argument by a model that takes its time, until it is killed; prints a line a batch. */
import { migrateGallery } from '../../lib/index.js'
import { standInModel } from './support.js'

await migrateGallery(process.argv[2]!, {
  model: standInModel({ delay: 30 }),
  onProgress: ({ done }) => process.stdout.write(`${done}\n`),
})
