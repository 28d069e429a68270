/**
 * What a stranger does: `npm install facenet-native` in an empty folder, without install scripts, and then a program. The packages are
 * made of this clone, the addon in them is the one that was compiled here.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { packaged } from '../../lib/native/platform.js'
import { Projects, platform, printed, programs, runIn } from './project.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
let projects: Projects

test.before(async () => {
  projects = await Projects.open()
})

test.after(() => projects?.close())

test('an empty project embeds a photograph after one install, in ES modules, CommonJS and the command line', async () => {
  const path = await projects.create('plain')
  for (const [file, text] of Object.entries(programs)) {
    writeFileSync(join(path, file), text)
    const { stdout, stderr } = runIn(path, file)
    assert.is(stdout, printed, `${file}: ${stderr}`)
  }
  const cli = runIn(path, 'node_modules/facenet-native/dist/esm/cli/main.js', 'embed', 'face.jpg', '--json')
  assert.is(cli.status, 0, cli.stderr)
  assert.is(JSON.parse(cli.stdout.trim()).embedding.length, 128)
})

test('there is a package for each platform that the loader knows', async () => {
  const { targets } = await import('../../scripts/prebuild/targets.mjs')
  assert.equal(targets.map(({ name }) => name).sort(), [...packaged].sort())
})

test('it takes at most 35 packages and, beside the addon, 50 MB, none of them a build tool', () => {
  const modules = join(projects.folder, 'plain/node_modules')
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'))
  const names = Object.keys(packages)
  assert.ok(names.length <= 35, `${names.length} packages: ${names.join(' ')}`)
  assert.equal(
    names.filter((name) => /cmake-js|node-gyp|node-addon-api|node-api-headers/.test(name)),
    [],
  )
  // The addon of this clone may have CUDA in it, which the package that npm installs by itself has not.
  const bytes = sizeOf(modules) - sizeOf(join(modules, '@facenet-native', platform))
  assert.ok(bytes < 50e6, `${(bytes / 1e6).toFixed(1)} MB`)
})

function sizeOf(path: string): number {
  const status = statSync(path, { throwIfNoEntry: false })
  if (!status?.isDirectory()) return status?.size ?? 0
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

test('TypeScript finds the types, with the settings of Node and of bundlers', () => {
  const path = join(projects.folder, 'plain')
  const program = `import { openModel, type Model } from 'facenet-native'
import type { ImportedModel } from 'facenet-native/convert'
export const open: () => Promise<Model> = () => openModel('m.safetensors')
export type Imported = ImportedModel
`
  writeFileSync(join(path, 'program.mts'), program)
  writeFileSync(join(path, 'program.cts'), program)
  const typeRoots = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  for (const settings of [
    ['--module', 'nodenext'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ]) {
    const files = settings.includes('bundler') ? ['program.mts'] : ['program.mts', 'program.cts']
    const args = [...settings, '--strict', '--noEmit', '--target', 'es2022']
    const { status, stdout } = runIn(
      path,
      join(root, 'node_modules/typescript/bin/tsc'),
      ...args,
      ...typeRoots,
      ...files,
    )
    assert.is(status, 0, stdout)
  }
})

test('without optional packages the error names the package that is missing and the command that brings it', async () => {
  const path = await projects.create('omitted', '--omit=optional')
  const { stderr } = runIn(path, '--eval', "require('facenet-native').devices()")
  assert.match(stderr, `@facenet-native/${platform}`)
  assert.match(stderr, /npm install --include=optional facenet-native/)
})

test('a platform package of another version is an error with both versions', () => {
  const path = join(projects.folder, 'omitted')
  const other = join(path, 'node_modules/@facenet-native', platform)
  mkdirSync(other, { recursive: true })
  writeFileSync(join(other, 'package.json'), JSON.stringify({ name: `@facenet-native/${platform}`, version: '0.0.1' }))
  const { stderr } = runIn(path, '--eval', "require('facenet-native').devices()")
  assert.match(stderr, '0.0.1')
  assert.match(stderr, version)
})

test.run()
