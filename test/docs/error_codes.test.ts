/** docs/errors.md lists every code, and nothing else: those of TypeScript, those of the native code, and the warning's. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const page = read('docs/errors.md')
const listed = [...page.matchAll(/^\| `(ERR_FACENET_\w+)` \|/gm)].map(([, code]) => code!).sort()

const codesIn = (text: string) => [...new Set(text.match(/(?<=['"])ERR_FACENET_[A-Z_]+(?=['"])/g))].sort()

test('each code of lib/errors.ts has its line, and each line its code', () => {
  assert.equal(listed, codesIn(read('lib/errors.ts').split('export interface')[0]!))
})

test('the codes of the native code, and all that are thrown, are among them', () => {
  const native = codesIn(read('native/core/error.h'))
  assert.ok(native.includes('ERR_FACENET_CUDA_OOM'))
  const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.c?ts$/.test(path),
  )
  const thrown = sources.flatMap((path) => codesIn(read(join('lib', path))))
  assert.equal(
    [...native, ...thrown].filter((code) => !listed.includes(code)),
    [],
  )
})

test('codes of warnings are said', () => {
  const code = /code: '(FACENET_\w+)'/.exec(read('lib/embeddings/preparation.ts'))?.[1]
  assert.ok(code !== undefined && page.includes(code), code)
})

test.run()
