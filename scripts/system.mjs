// The system packages that the native build needs, and how to get them.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const works = (command, args, input) =>
  spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0

/** Whether the compiler finds oneDNN's C++ header. */
export const hasOneDnn = () => works('g++', ['-E', '-x', 'c++', '-'], '#include <dnnl.hpp>\n')

const needs = [
  { package: 'cmake', found: () => works('cmake', ['--version']) },
  { package: 'make', found: () => works('make', ['--version']) || works('ninja', ['--version']) },
  { package: 'g++', found: () => works('g++', ['--version']) },
  { package: 'libdnnl-dev', found: hasOneDnn },
]

const debian = existsSync('/etc/debian_version')

/** Installs what is missing as root on Debian and its kin; elsewhere prints the line that does and returns false. */
export function ensureSystemPackages() {
  const missing = needs.filter((need) => !need.found()).map((need) => need.package)
  if (missing.length === 0 || process.env.FACENET_SKIP_SYSTEM_CHECK) return true
  if (install(missing)) return true
  console.error(`These packages are missing: ${missing.join(' ')}. To install them, run\n\n  ${installLine(missing)}\n`)
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

function installLine(missing) {
  if (debian) return `sudo apt-get install -y ${missing.join(' ')}`
  if (process.platform === 'darwin') return 'brew install cmake onednn libomp'
  return 'sudo dnf install -y cmake make gcc-c++ onednn-devel'
}
