// The source of a library from Debian's archive, whose signature apt-get checks. Lists of its own leave those of the machine as
// they are.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../files.mjs'
import { run } from './toolchain.mjs'

const suite = 'trixie' // the Debian release that has what is built here

/**
 * The folder with the source of a release of `name`, Debian's source package: the folder that the variable of the environment
 * names, else what Debian has, unpacked below build/prebuild.
 */
export function debianSource(name, release, variable) {
  if (process.env[variable]) return process.env[variable]
  const folder = join(root, 'build/prebuild', name)
  const target = join(folder, release)
  if (existsSync(target)) return target
  mkdirSync(join(folder, 'lists/partial'), { recursive: true })
  const list = join(folder, 'sources.list')
  writeFileSync(list, `deb-src ${mirror(name, release, variable)} ${suite} main\n`)
  const options = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${join(folder, 'lists')}`,
  ]
  const apt = (...args) => run('apt-get', [...options.flatMap((option) => ['-o', option]), '-q', ...args], folder)
  apt('update')
  apt('source', '--download-only', '--tar-only', name)
  const tar = readdirSync(folder).find((file) => file.startsWith(`${name}_${release}`) && file.includes('.orig.tar'))
  if (!tar)
    throw new Error(`Debian ${suite} has another ${name} than ${release}: name a folder of that release in ${variable}`)
  const unpacked = `${target}.part`
  mkdirSync(unpacked, { recursive: true })
  run('tar', ['xf', tar, '-C', unpacked, '--strip-components=1'], folder)
  renameSync(unpacked, target)
  return target
}

/** The mirror that this machine's apt uses. */
function mirror(name, release, variable) {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Origin: Debian'], {
    encoding: 'utf8',
  })
  const found = stdout?.split('\n').find((uri) => uri && !uri.includes('security'))
  if (!found) throw new Error(`Without apt-get, name a folder with the source of ${name} ${release} in ${variable}`)
  return found
}
