/** What is said where the addon is missing or broken, and how its errors look in JavaScript. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FaceNetError } from '../../lib/errors.js'
import { native, nativeCall, nativeCallSync } from '../../lib/native/addon.js'
import { platformName, thisPlatform } from '../../lib/native/platform.js'
import { chain, failure, open } from './support.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Loads the addon in a copy of the package that `prepare` has changed; returns what the error says. */
function loadIn(prepare: (folder: string) => void, named = ''): { code: string; message: string; name: string } {
  const folder = mkdtempSync(join(tmpdir(), 'facenet-'))
  try {
    for (const item of ['lib', 'types', 'package.json', 'CMakeLists.txt', 'tsconfig.json'])
      cpSync(join(root, item), join(folder, item), { recursive: true })
    // A folder of its own, into which a test may put packages.
    mkdirSync(join(folder, 'node_modules'))
    for (const name of readdirSync(join(root, 'node_modules')))
      if (name !== '@facenet-native') symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
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

/** What a folder of a platform has: a manifest, and a file in the addon's place. */
function writePackage(folder: string, name: string, version: string, extra: object = {}): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: `@facenet-native/${name}`, version, ...extra }))
  writeFileSync(join(folder, 'facenet.node'), 'not an addon')
}

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const here = platformName(thisPlatform())

test('without a package of this platform the message names it and says how to install it', () => {
  const { name, code, message } = loadIn(() => {})
  assert.is(name, 'FaceNetError')
  assert.is(code, 'ERR_FACENET_ADDON_NOT_FOUND')
  assert.match(message, new RegExp(`@facenet-native/${here}, .* is not installed`))
  assert.match(message, /run: npm install --include=optional facenet-native@\S+$/)
})

test('a clone in which nothing was built says what makes the addon', () => {
  const { message } = loadIn((folder) => writeFileSync(join(folder, 'package-lock.json'), '{}'))
  assert.match(message, /this is a clone.*\nTo make it, run: npm start$/)
})

test('an addon that cannot be loaded is reported with the reason of the loader', () => {
  const { code, message } = loadIn((folder) => {
    mkdirSync(join(folder, 'build/cmake/Release'), { recursive: true })
    writeFileSync(join(folder, 'build/cmake/Release/facenet.node'), 'not an addon')
  })
  assert.is(code, 'ERR_FACENET_ADDON_NOT_FOUND')
  assert.match(message, /cannot be loaded: .*build\/cmake\/Release\/facenet\.node/)
  assert.match(message, /run: npx facenet-native build$/)
})

test('the package of this platform is found where npm puts it, and in the folder of a clone', () => {
  const installed = loadIn((folder) => writePackage(join(folder, 'node_modules/@facenet-native', here), here, version))
  assert.match(installed.message, new RegExp(`cannot be loaded: .*node_modules/@facenet-native/${here}/facenet\\.node`))
  assert.match(
    installed.message,
    /damaged, or made for another platform.\nTo install it again, run: npm install --force facenet/,
  )
  const made = loadIn((folder) => writePackage(join(folder, 'packages', here), here, version))
  assert.match(
    made.message,
    new RegExp(`cannot be loaded: .*/packages/${here}/facenet\\.node[^]*run: npm run prebuild$`),
  )
})

test('a package of another version is an error, before it is loaded', () => {
  const { message } = loadIn((folder) =>
    writePackage(join(folder, 'node_modules/@facenet-native', here), here, '0.0.7'),
  )
  assert.match(
    message,
    new RegExp(`facenet-native is version ${version}, but @facenet-native/${here} is version 0.0.7`),
  )
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
