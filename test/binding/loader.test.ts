/** What is said where the addon is missing or broken, and how its errors look in JavaScript. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FaceNetError } from '../../lib/errors.js'
import { native, nativeCall, nativeCallSync } from '../../lib/native/addon.js'
import { chain, failure, open } from './support.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Loads the addon in a copy of the package that `prepare` has changed; returns what the error says. */
function loadIn(prepare: (folder: string) => void, named = ''): { code: string; message: string; name: string } {
  const folder = mkdtempSync(join(tmpdir(), 'facenet-'))
  try {
    for (const item of ['lib', 'types', 'package.json', 'CMakeLists.txt', 'tsconfig.json'])
      cpSync(join(root, item), join(folder, item), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    prepare(folder)
    const script = `
      const { native } = await import('./lib/native/addon.ts')
      try { native() } catch ({ name, code, message }) { console.log(JSON.stringify({ name, code, message })) }`
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
    const env = { ...process.env, FACENET_ADDON: named }
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env })
    assert.ok(stdout, stderr)
    return JSON.parse(stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('a missing addon is reported with the places looked at and what to run', () => {
  const { name, code, message } = loadIn(() => {})
  assert.is(name, 'FaceNetError')
  assert.is(code, 'ERR_FACENET_ADDON_NOT_FOUND')
  assert.match(message, /not built/)
  assert.match(message, /build\/cmake\/Release\/facenet\.node/)
  assert.match(message, /native\/build\/Release\/facenet\.node/)
  assert.match(message, /npx facenet-native build/)
})

test('an addon that cannot be loaded is reported with the reason of the loader', () => {
  const { code, message } = loadIn((folder) => {
    mkdirSync(join(folder, 'build/cmake/Release'), { recursive: true })
    writeFileSync(join(folder, 'build/cmake/Release/facenet.node'), 'not an addon')
  })
  assert.is(code, 'ERR_FACENET_ADDON_NOT_FOUND')
  assert.match(message, /cannot be loaded: .*facenet\.node/)
})

test('FACENET_ADDON names the addon that is loaded, from the folder that the process runs in', () => {
  const { code, message } = loadIn((folder) => writeFileSync(join(folder, 'mine.node'), 'not an addon'), './mine.node')
  assert.is(code, 'ERR_FACENET_ADDON_NOT_FOUND')
  assert.match(message, /cannot be loaded: .*mine\.node/)
})

test('a rejection of the addon becomes a FaceNetError with all fields and the stack of the caller', async () => {
  async function aFunctionOfTheUser() {
    await nativeCall(() => open(chain(4, 1), { threads: 0 }))
  }
  const error = await failure(aFunctionOfTheUser)
  assert.instance(error, FaceNetError)
  assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
  assert.is(error.argument, 'threads of options')
  assert.is(error.received, '0')
  assert.match(error.stack!, /aFunctionOfTheUser/)
  assert.match(error.stack!, /^FaceNetError: Expected an integer/)
})

test('what fails on the other thread carries the stack of the caller too', async () => {
  async function aFunctionOfTheUser() {
    const source = { tensors: [], path: '/nowhere/weights', fileBytes: 0 }
    await nativeCall(native().openModel(chain(4, 1), source, { device: 'reference', threads: 1 }))
  }
  const error = await failure(aFunctionOfTheUser)
  assert.is(error.code, 'ERR_FACENET_IO')
  assert.match(error.stack!, /aFunctionOfTheUser/)
})

test('synchronous calls are translated alike, foreign errors pass', async () => {
  const error = await failure(() => nativeCallSync(() => native().plan({} as never, {})))
  assert.instance(error, FaceNetError)
  assert.is(error.code, 'ERR_FACENET_MODEL_INVALID')
  const mine = new RangeError('mine')
  assert.is(
    await failure(() =>
      nativeCallSync(() => {
        throw mine
      }),
    ),
    mine,
  )
})

test.run()
