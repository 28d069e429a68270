/** The inner loops for older processors, in processes that are told to use no more than that: the same bits. */
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import { narrowerIsas, runOnIsa } from '../support/isa.js'

for (const isa of narrowerIsas) {
  for (const file of ['mine_triplets', 'triplet_loss', '../api/neighbors', '../api/search_index']) {
    test(`${file} with FACENET_ISA=${isa}`, async () => {
      await runOnIsa(isa, fileURLToPath(new URL(`./${file}.test.ts`, import.meta.url)))
    })
  }
}

test.run()
