// Checks formatting and lint rules: biome for TypeScript and JSON, clang-format for C++ and CUDA. No file may need itself by
// way of others, none has more than 300 lines, and everything public has a doc comment. With --write, fixes what can be fixed.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { filesUnder, root } from './files.mjs'

const write = process.argv.includes('--write')
const run = (command, args) => spawnSync(command, args, { cwd: root, stdio: 'inherit' })

const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')
const results = [run(process.execPath, [biome, 'check', '--error-on-warnings', ...(write ? ['--write'] : []), '.'])]

for (const check of ['check-cycles', 'check-docs', 'check-sizes'])
  results.push(run(process.execPath, [`scripts/${check}.mjs`]))

const sources = ['native', 'cuda', 'test', 'bench'].flatMap((folder) => filesUnder(join(root, folder)))
const cpp = sources.filter((file) => /\.(h|cc|cu|cuh|inc)$/.test(file))
// Versions of clang-format differ in what they ask for. This one comes from npm, and so is the same everywhere.
const clangFormat = join(root, 'node_modules/@wasm-fmt/clang-format/clang-format-cli.cjs')
if (!existsSync(clangFormat)) console.error('clang-format is missing, which `npm install` brings.')
results.push(run(process.execPath, [clangFormat, ...(write ? ['-i'] : ['--dry-run', '--Werror']), ...cpp]))

process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1
