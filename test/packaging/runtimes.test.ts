/**
 * The same program in every runtime that can be had from npm, on the same installation: each version of Node.js that is maintained, and Bun.
 * It embeds in the main thread and in worker threads, is interrupted, and meets errors; all print the same, embeddings to the last bit.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { environment, leftOut, Projects, platform, printed, programs, runIn } from './project.js'

/** As npm has them: the file that runs programs in each package. */
const runtimes: Record<string, { from: string; file: string }> = Object.fromEntries([
  ...[20, 22, 24, 26].map((major) => [`node-${major}`, { from: `node-${platform}@${major}`, file: 'bin/node' }]),
  ['bun', { from: `@oven/bun-${platform}${platform === 'linux-x64' ? '-baseline' : ''}`, file: 'bin/bun' }],
])

const test = suite('runtimes')
let projects: Projects
let project: string
let expected: string

if (leftOut) test.skip(`every runtime: ${leftOut}`, () => {})
else {
  test.before(async () => {
    projects = await Projects.open()
    project = await projects.create('program')
    cpSync(fileURLToPath(new URL('./everywhere.mjs', import.meta.url)), join(project, 'everywhere.mjs'))
    for (const [file, text] of Object.entries(programs)) writeFileSync(join(project, file), text)
    expected = runIn(project, 'everywhere.mjs').stdout
    const { sha256, workers, ...rest } = JSON.parse(expected)
    assert.equal(workers, [sha256, sha256])
    assert.equal(rest, {
      streamed: 2,
      missing: 'ERR_FACENET_IO',
      aborted: 'ERR_FACENET_ABORTED',
      commonjs: 'function',
    })
  })

  test.after(() => projects?.close())

  for (const [name, { from, file }] of Object.entries(runtimes)) {
    test(`${name}: ES modules, CommonJS and the command line`, async () => {
      const path = join(projects.folder, name)
      mkdirSync(path)
      writeFileSync(join(path, 'package.json'), '{ "private": true }\n')
      await projects.install(path, `runtime@npm:${from}`)
      const run = (...args: string[]) =>
        spawnSync(join(path, 'node_modules/runtime', file), args, { cwd: project, encoding: 'utf8', env: environment })
      const program = run('everywhere.mjs')
      assert.is(program.stdout, expected, `${program.signal ?? ''} ${program.stderr}`)
      for (const script of Object.keys(programs)) assert.is(run(script).stdout, printed)
      const command = run('node_modules/facenet-native/dist/esm/cli/main.js', 'embed', 'face.jpg', '--json')
      assert.is(command.status, 0, command.stderr)
      assert.is(JSON.parse(command.stdout).embedding.length, 128)
    })
  }
}

test.run()
