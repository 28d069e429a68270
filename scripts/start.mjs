// What `npm start` runs: makes the clone ready, then the main job. Options are those of setup.mjs: `npm start -- --cuda`.
import { spawnSync } from 'node:child_process'
import { root } from './files.mjs'

for (const args of [
  ['scripts/setup.mjs', '--run', ...process.argv.slice(2)],
  ['--import', 'tsx', 'scripts/start.ts'],
]) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
