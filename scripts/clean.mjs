// Removes what builds made; node_modules stays.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './files.mjs'

for (const folder of ['build', 'native/build', 'dist', 'packages'])
  rmSync(join(root, folder), { recursive: true, force: true })
