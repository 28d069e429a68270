/**
 * A program that each bundler packs with the settings of docs/bundlers.md embeds a face; with everything packed it says what to set.
 * The bundlers are installed for this test alone.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { environment, leftOut, Projects, platform } from './project.js'

const program = `import { openDetector, openModel } from 'facenet-native'
import { readStored } from 'facenet-native/files'
export async function embed() {
  try {
    const model = await openModel()
    const detector = await openDetector()
    const { rows, dimensions } = await model.embedRows(['face.jpg'], { detector })
    await model.close()
    await detector.close()
    return \`\${rows} \${dimensions} \${typeof readStored}\`
  } catch (error) {
    return error.code + ' ' + error.message
  }
}
`
const files: Record<string, string> = {
  'src/program.mjs': program,
  'src/main.mjs': `import { embed } from './program.mjs'\nembed().then((text) => console.log(text))\n`,
  'app/layout.js': 'export default ({ children }) => <html lang="en"><body>{children}</body></html>\n',
  'app/page.js': 'export default () => <p>faces</p>\n',
  'app/api/embed/route.js': `import { embed } from '../../../src/program.mjs'
export const runtime = 'nodejs'
export const dynamic = 'force-dynamic'
export const GET = async () => new Response(await embed())
`,
}

const works = '1 128 function'
const advice = /^ERR_FACENET_ADDON_NOT_FOUND .*this code was bundled.*docs\/bundlers\.md/

const test = suite('bundlers')
let projects: Projects
let project: string

/** Runs a command of the project, or fails with what it printed. */
async function command(name: string, ...args: string[]): Promise<void> {
  const file = join(project, 'node_modules/.bin', name)
  const env = { ...environment, NEXT_TELEMETRY_DISABLED: '1' }
  await promisify(execFile)(file, args, { cwd: project, env, maxBuffer: 1 << 26 }).catch((error) => {
    throw new Error(`${name} ${args.join(' ')}: ${error.stdout}\n${error.stderr}`)
  })
}

function run(file: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, [file], { cwd: project, encoding: 'utf8', env: environment })
  assert.ok(stdout, stderr)
  return stdout.trim()
}

const config = (name: string, settings: string) => writeFileSync(join(project, name), `export default ${settings}\n`)

/** What the route answers where the standalone server has been copied to a folder without packages above it. */
async function askNext(name: string, settings: string): Promise<string> {
  config('next.config.mjs', settings)
  rmSync(join(project, '.next'), { recursive: true, force: true })
  await command('next', 'build')
  const folder = join(projects.folder, name)
  cpSync(join(project, '.next/standalone'), folder, { recursive: true })
  cpSync(join(project, 'face.jpg'), join(folder, 'face.jpg'))
  const port = await freePort()
  const env = { ...environment, PORT: String(port), HOSTNAME: '127.0.0.1' }
  const server = spawn(process.execPath, ['server.js'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  try {
    await listening(server)
    return await (await fetch(`http://127.0.0.1:${port}/api/embed`)).text()
  } finally {
    server.kill()
  }
}

const listening = (server: ChildProcess) =>
  new Promise<void>((resolve, reject) => {
    let said = ''
    const hear = (text: Buffer) => {
      said += text
      if (said.includes('Ready')) resolve()
    }
    server.stdout!.on('data', hear)
    server.stderr!.on('data', hear)
    server.on('exit', () => reject(new Error(said)))
  })

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

if (leftOut) test.skip(`every bundler: ${leftOut}`, () => {})
else {
  test.before(async () => {
    projects = await Projects.open()
    project = await projects.create('bundled')
    await projects.install(project, 'esbuild', 'webpack', 'webpack-cli', 'vite', 'next', 'react', 'react-dom')
    for (const folder of ['src', 'app/api/embed']) mkdirSync(join(project, folder), { recursive: true })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text)
  })

  test.after(() => projects?.close())

  for (const [format, ending] of [
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ] as const) {
    test(`esbuild, ${format}`, async () => {
      const args = ['src/main.mjs', '--bundle', '--platform=node', `--format=${format}`]
      await command('esbuild', ...args, '--external:facenet-native', '--external:sharp', `--outfile=out/e.${ending}`)
      assert.is(run(`out/e.${ending}`), works)
      await command('esbuild', ...args, `--outfile=out/e-all.${ending}`)
      assert.match(run(`out/e-all.${ending}`), advice)
    })
  }

  test('webpack, to ES modules and to CommonJS', async () => {
    const common = `mode: 'none', target: 'node', entry: './src/main.mjs'`
    const externals = `externals: [/^facenet-native/, 'sharp']`
    config(
      'esm.config.mjs',
      `{ ${common}, ${externals}, externalsType: 'module', experiments: { outputModule: true },
  output: { path: import.meta.dirname + '/out', filename: 'w.mjs', module: true, library: { type: 'module' } } }`,
    )
    config(
      'cjs.config.mjs',
      `{ ${common}, ${externals}, externalsType: 'commonjs', output: { path: import.meta.dirname + '/out', filename: 'w.cjs' } }`,
    )
    config('all.config.mjs', `{ ${common}, output: { path: import.meta.dirname + '/out/all', filename: 'w.cjs' } }`)
    for (const name of ['esm', 'cjs', 'all']) await command('webpack', '-c', `${name}.config.mjs`)
    assert.is(run('out/w.mjs'), works)
    assert.is(run('out/w.cjs'), works)
    assert.match(run('out/all/w.cjs'), advice)
  })

  test('Vite, for servers', async () => {
    const build = (folder: string) => `build: { ssr: 'src/main.mjs', outDir: '${folder}' }`
    config('vite.config.mjs', `{ ssr: { external: ['facenet-native', 'sharp'] }, ${build('out/vite')} }`)
    config('all.vite.config.mjs', `{ ssr: { noExternal: true }, ${build('out/vite-all')} }`)
    await command('vite', 'build')
    assert.is(run('out/vite/main.mjs'), works)
    await command('vite', 'build', '-c', 'all.vite.config.mjs')
    assert.match(run('out/vite-all/main.mjs'), advice)
  })

  test('Next.js, a route in a standalone server', async () => {
    const outside = `output: 'standalone', serverExternalPackages: ['facenet-native', 'sharp']`
    const traced = `outputFileTracingIncludes: { '/api/*': ['./node_modules/@facenet-native/**'] }`
    assert.is(await askNext('standalone', `{ ${outside}, ${traced} }`), works)
    const missing = new RegExp(`@facenet-native/${platform}, .*docs/bundlers\\.md`)
    assert.match(await askNext('not-traced', `{ ${outside} }`), missing)
    assert.match(await askNext('bundled-in', `{ output: 'standalone' }`), advice)
  })
}

test.run()
