/** What `doctor` finds, what `build` says before it builds, and that a broken part hides no other. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { installCommand } from '../../scripts/system.mjs'
import { start } from './support.js'

interface Finding {
  ok: boolean | null
  text: string
}
type Findings = { works: boolean } & Record<string, Finding>

test('doctor embeds, and says of each part what it found', async () => {
  const { code, stdout } = await start(['doctor', '--json', '--device', 'cpu']).outcome
  const { works, ...found } = JSON.parse(stdout) as Findings
  assert.is(code, 0, stdout)
  assert.is(works, true)
  assert.equal(Object.keys(found), [
    'node',
    'platform',
    'packages',
    'addon',
    'cpu',
    'cuda',
    'sharp',
    'cache',
    'detector',
    'model',
    'embedding',
  ])
  assert.match(found.embedding!.text, /^\d+ floats by \S+ in \d+ ms on (cpu|reference)/)
})

test('an addon that does not load fails doctor, which still says the rest', async () => {
  const { code, stdout } = await start(['doctor'], {
    FACENET_ADDON: '/nowhere/facenet.node',
    FACENET_CACHE: join(fileURLToPath(import.meta.url), 'below'),
  }).outcome
  assert.is(code, 1)
  assert.match(stdout, /^addon +FAILS The native addon cannot be loaded: [\s\S]*unset FACENET_ADDON/m)
  assert.match(stdout, /^embedding +FAILS as addon$/m)
  assert.match(stdout, /^sharp +ok /m)
  assert.match(stdout, /^cache +\S+below, which cannot be written; FACENET_CACHE/m)
  assert.match(stdout, /Embedding does not work/)
})

test('build refuses what excludes each other, and CUDA without its compiler', async () => {
  const both = await start(['build', '--cuda', '--no-cuda']).outcome
  assert.is(both.code, 2)
  assert.match(both.stderr, /--cuda and --no-cuda exclude each other/)
  // A path on which nothing is found.
  const nothing = await start(['build'], { PATH: '/nowhere', FACENET_SKIP_SYSTEM_CHECK: '' }).outcome
  assert.is(nothing.code, 1)
  assert.match(nothing.stderr, /The build needs make, g\+\+, libdnnl-dev, which this system lacks/)
})

test('the packages that are missing have the names of the system', () => {
  const on = (release: string, missing = ['cmake', 'g++', 'libdnnl-dev']) =>
    installCommand(missing, { os: 'linux', release })
  assert.is(on('NAME=x\nID=debian\n'), 'sudo apt-get install -y cmake g++ libdnnl-dev')
  assert.is(on('ID=linuxmint\nID_LIKE="ubuntu debian"\n'), 'sudo apt-get install -y cmake g++ libdnnl-dev')
  assert.is(on('ID="rocky"\nID_LIKE="rhel centos fedora"\n'), 'sudo dnf install -y cmake gcc-c++ onednn-devel')
  assert.is(on('ID="opensuse-leap"\nID_LIKE="suse opensuse"'), 'sudo zypper install -y cmake gcc-c++ onednn-devel')
  assert.is(on('ID=arch\n'), 'sudo pacman -S --needed cmake gcc onednn')
  assert.is(on('ID=alpine\n'), 'apk add cmake g++')
  assert.is(on('ID=alpine\n', ['libdnnl-dev']), undefined)
  assert.is(on('ID=plan9\n'), undefined)
  assert.is(installCommand(['cmake'], { os: 'darwin', release: '' }), 'brew install cmake onednn libomp')
})

test.run()
