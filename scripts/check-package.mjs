// Checks facenet-native as it would be published: publint (what package.json says is true), @arethetypeswrong/cli (every kind of resolution
// finds types that fit the code), npm audit (no known hole in what is installed with it). The tools are installed in a temporary folder.
// A registry that answers no audit is an error too; `-- --no-audit` leaves that part out. Needs dist: `npm run build:ts`.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './files.mjs'
import { writeMainPackage } from './prebuild/main_package.mjs'

const tools = ['publint@0.3', '@arethetypeswrong/cli@0.18']
const quiet = ['--ignore-scripts', '--no-fund', '--audit=false']

const unknown = process.argv.slice(2).filter((option) => option !== '--no-audit')
if (unknown.length > 0) {
  console.error(`There is no option ${unknown.join(', ')}; there is --no-audit`)
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'facenet-check-'))
try {
  const run = (command, args, cwd = folder) => {
    console.log(`\n${command} ${args.join(' ')}`)
    const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' })
    if (status !== 0) process.exitCode = 1
    return status === 0
  }
  writeMainPackage(join(folder, 'facenet-native'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const tarball = `facenet-native-${version}.tgz`
  run('npm', ['pack', './facenet-native', '--ignore-scripts', '--silent'])
  if (run('npm', ['install', '--no-save', ...quiet, ...tools])) {
    run('node_modules/.bin/publint', [tarball, '--strict'])
    run('node_modules/.bin/attw', [tarball, '--format', 'ascii'])
  }
  if (!process.argv.includes('--no-audit')) audit(run)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Of the dependencies of other authors, newest versions: ours are not in the registry before they are published. */
function audit(run) {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const project = join(folder, 'audit')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, dependencies }))
  if (run('npm', ['install', '--package-lock-only', ...quiet], project)) run('npm', ['audit', '--omit=dev'], project)
}
