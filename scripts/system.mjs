// The system packages that the native build needs, and how to get them.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

const works = (command, args, input) =>
  spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0

/** The path of nvcc; undefined where it is not installed. */
export const findNvcc = () => ['nvcc', '/usr/local/cuda/bin/nvcc'].find((command) => works(command, ['--version']))

/** Whether the compiler finds oneDNN's C++ header. */
export const hasOneDnn = () => works('g++', ['-E', '-x', 'c++', '-'], '#include <dnnl.hpp>\n')

const usesJpeg = `#include <cstdio>
#include <jpeglib.h>
#ifndef LIBJPEG_TURBO_VERSION
#error
#endif
int main() { jpeg_create_decompress(static_cast<jpeg_decompress_struct*>(nullptr)); }
`

/** Whether the compiler finds libjpeg-turbo's header, and the linker its static library. */
export const hasJpeg = () => works('g++', ['-x', 'c++', '-', '-o', '/dev/null', '-l:libjpeg.a'], usesJpeg)

const needs = [
  { package: 'cmake', found: () => works('cmake', ['--version']) },
  { package: 'make', found: () => works('make', ['--version']) || works('ninja', ['--version']) },
  { package: 'g++', found: () => works('g++', ['--version']) },
  { package: 'libdnnl-dev', found: hasOneDnn },
]

/** What the build can do without: sharp then decodes JPEGs, several times slower. */
const wishes = [{ package: 'libjpeg-dev', found: hasJpeg }]

const debian = existsSync('/etc/debian_version')

/** How each family of systems installs, and what it calls the packages. Without a name for oneDNN it has no package of it. */
const families = [
  { ids: ['debian', 'ubuntu'], install: 'sudo apt-get install -y', names: {} },
  {
    ids: ['fedora', 'rhel', 'centos'],
    install: 'sudo dnf install -y',
    names: { 'g++': 'gcc-c++', 'libdnnl-dev': 'onednn-devel' },
  },
  {
    ids: ['suse', 'opensuse'],
    install: 'sudo zypper install -y',
    names: { 'g++': 'gcc-c++', 'libdnnl-dev': 'onednn-devel' },
  },
  { ids: ['arch'], install: 'sudo pacman -S --needed', names: { 'g++': 'gcc', 'libdnnl-dev': 'onednn' } },
  { ids: ['alpine'], install: 'apk add', names: { 'libdnnl-dev': undefined } },
]

const missingOf = (list) => list.filter(({ found }) => !found()).map((each) => each.package)

/** Debian's names of what the build needs and does not find. */
export const missingSystemPackages = () => missingOf(needs)

/** The command that installs them, by what `/etc/os-release` says of the system; undefined where the system is not known. */
export function installCommand(missing, { os = process.platform, release = osRelease() } = {}) {
  if (os === 'darwin') return 'brew install cmake onednn libomp'
  const ids = [...release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)/gm)].flatMap(([, value]) => value.split(/\s+/))
  const family = families.find((family) => ids.some((id) => family.ids.includes(id.replace(/-.*$/, ''))))
  if (os !== 'linux' || !family) return undefined
  const names = missing.map((name) => (name in family.names ? family.names[name] : name)).filter(Boolean)
  return names.length > 0 ? `${family.install} ${names.join(' ')}` : undefined
}

function osRelease() {
  return existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
}

/** Installs what is missing as root on Debian and its kin; elsewhere prints the line that does and returns false. */
export function ensureSystemPackages() {
  if (process.env.FACENET_SKIP_SYSTEM_CHECK) return true
  const [missing, wished] = [missingOf(needs), missingOf(wishes)]
  if (missing.length + wished.length === 0 || install([...missing, ...wished])) return true
  if (missing.length === 0) {
    console.error(`Without ${wished.join(' ')}, sharp decodes JPEGs, several times slower.`)
    return true
  }
  const command = installCommand(missing)
  console.error(
    `These packages are missing: ${missing.join(' ')}.${command ? ` To install them, run\n\n  ${command}\n` : ''}`,
  )
  console.error('or set FACENET_SKIP_SYSTEM_CHECK=1 to build with what is there.')
  return false
}

/** The browser that reports are tested in, installed where that is possible. Without it their tests say that they skip. */
export function ensureBrowser() {
  if (!existsSync('/usr/bin/chromium') && !process.env.FACENET_SKIP_SYSTEM_CHECK) install(['chromium'])
}

/** Whether the packages are there afterwards; false, silently, where this is not root on Debian. */
function install(packages) {
  if (!debian || process.getuid?.() !== 0) return false
  console.error(`Installing ${packages.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args) => spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env }).status === 0
  apt('update', '-q')
  if (apt('install', '-y', '-q', '--no-install-recommends', ...packages)) return true
  console.error('apt-get failed.')
  return false
}
