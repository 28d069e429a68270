// Checks formatting and lint rules: biome for TypeScript and JSON, clang-format (where installed) for C++ and CUDA. No file
// may need itself by way of others, and everything public has a doc comment. With --write, fixes what can be fixed.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { filesUnder, root } from './files.mjs'

const write = process.argv.includes('--write')
const run = (command, args) => spawnSync(command, args, { cwd: root, stdio: 'inherit' })

const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')
const results = [run(process.execPath, [biome, 'check', '--error-on-warnings', ...(write ? ['--write'] : []), '.'])]

for (const check of ['check-cycles', 'check-docs']) results.push(run(process.execPath, [`scripts/${check}.mjs`]))

const sources = ['native', 'cuda'].flatMap((folder) => filesUnder(join(root, folder)))
const cpp = sources.filter((file) => /\.(h|cc|cu|cuh|inc)$/.test(file))
const clang = run('clang-format', write ? ['-i', ...cpp] : ['--dry-run', '--Werror', ...cpp])
if (clang.error?.code === 'ENOENT') console.error('clang-format is not installed: C++ and CUDA were not checked.')
else results.push(clang)

process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1
