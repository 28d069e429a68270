/** The inner loops for older processors, in processes that are told to use no more than that: the same bits. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'uvu'
import { devices } from '../support/ops.js'

const run = promisify(execFile)

if (devices.includes('cpu')) {
  for (const isa of ['baseline', 'avx2']) {
    for (const file of ['mine_triplets', 'triplet_loss', '../api/neighbors']) {
      test(`${file} with FACENET_ISA=${isa}`, async () => {
        const path = fileURLToPath(new URL(`./${file}.test.ts`, import.meta.url))
        // Rejects, with the report in its message, where the process exits with a failure.
        await run(process.execPath, ['--import', 'tsx', path], { env: { ...process.env, FACENET_ISA: isa } })
      })
    }
  }
}

test.run()
