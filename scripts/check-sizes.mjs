// Finds files that are too long to be read in one go: code, tests and documents of more than 300 lines. Prints each and exits with 1
// where there is one. What is generated, data and locks are not looked at.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { filesUnder, root } from './files.mjs'

const limit = 300
const folders = ['bench', 'cuda', 'docs', 'examples', 'lib', 'native', 'scripts', 'test', 'types']
const written = /\.(ts|mjs|h|cc|cu|cuh|inc|md)$/

for (const file of [...folders.flatMap((folder) => filesUnder(join(root, folder))), join(root, 'README.md')]) {
  if (!written.test(file)) continue
  const lines = readFileSync(file, 'utf8').split('\n').length - 1
  const name = relative(root, file)
  if (lines <= limit) continue
  console.error(`${name} has ${lines} lines, and ${limit} is the most: split it along its ideas.`)
  process.exitCode = 1
}
