/** Writes the tables as text.ts says to the file that the argument names: what the programs of test/kernels/training read. */
import { writeFileSync } from 'node:fs'
import { tables } from './index.js'
import { tableText } from './text.js'

const [path] = process.argv.slice(2)
if (path === undefined) throw new TypeError('Expected the path of the file to write')
writeFileSync(path, tableText(tables))
