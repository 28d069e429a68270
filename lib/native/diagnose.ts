/** Why there is no addon: each cause in words, and the one command that helps. */
import type { Cause, Located, Surroundings } from './facts.js'
import { describePlatform, packaged, platformName } from './platform.js'

const build = 'npx facenet-native build'
const rebuild = (what: string) => `To ${what}, run: ${build}`

/** For people: what is wrong, and last the command. */
export function explain(cause: Cause): string {
  switch (cause.kind) {
    case 'node':
      return (
        `Node.js ${cause.node} is too old: facenet-native needs ${cause.oldest} or newer.\n` +
        'To install a newer one with nvm, run: nvm install 22'
      )
    case 'platform': {
      const { os, cpu } = cause.platform
      return (
        `There is no prebuilt addon for ${os}-${cpu}; there are those for ${packaged.join(', ')}.\n` +
        rebuild('compile it')
      )
    }
    case 'omitted':
      return (
        `The package @facenet-native/${cause.name}, which holds the addon for this machine, is not installed. It is an optional ` +
        'dependency: --omit=optional, --no-optional, lock files that were written on another platform, and packagers that copy only the files ' +
        'they trace (docs/bundlers.md) leave it out.\n' +
        `To install it, run: npm install --include=optional facenet-native@${cause.version}`
      )
    case 'copied': {
      const { os, cpu, libc } = cause.platform
      const here = `--os=${os} --cpu=${cpu}${libc ? ` --libc=${libc}` : ''}`
      return (
        `The package @facenet-native/${cause.name}, which holds the addon for this machine (${describePlatform(cause.platform)}), is not ` +
        `installed, but ${cause.others.join(' and ')} ${cause.others.length > 1 ? 'are' : 'is'}: node_modules was made on another platform.\n` +
        `To install it, run: npm install ${here} facenet-native`
      )
    }
    case 'clone':
      return 'The native addon is not built: this is a clone, and neither its build folders nor packages/ hold one.\nTo make it, run: npm start'
    case 'version':
      return (
        `facenet-native is version ${cause.ours}, but ${cause.name} is version ${cause.theirs}: the two belong together.\n` +
        (cause.origin === 'clone'
          ? 'To make it again, run: npm run prebuild'
          : `To install the one that fits, run: npm install ${cause.name.endsWith('-cuda') ? `${cause.name}@${cause.ours}` : `facenet-native@${cause.ours}`}`)
      )
    case 'glibc':
      return (
        `${cause.name} needs glibc ${cause.needed} or newer, and this system has ${cause.here}.\n` +
        rebuild('compile the addon for this system')
      )
    case 'load':
      return `The native addon cannot be loaded: ${cause.said.trim()}\n${loadAdvice(cause)}`
  }
}

const noExecution = /failed to map segment|Operation not permitted/

/** What the loaders of glibc, musl, macOS and Windows say, and what it means. */
const meanings: readonly [RegExp, (found: RegExpExecArray) => string][] = [
  [
    /version [`']?(GLIBC_[\d.]+)'? not found/,
    ([, version]) => `The system's C library is too old: it lacks ${version}.`,
  ],
  [
    /version [`']?(\w+_[\d.]+)'? not found/,
    ([, version]) => `A library of this system is too old: it lacks ${version}.`,
  ],
  [
    /^(?:.*: )?([^\s:]+\.so[.\d]*): cannot open shared object file|Error loading shared library ([^\s:]+):|Library not loaded: (\S+)/m,
    ([, glibc, musl, mac]) => `The shared library ${glibc ?? musl ?? mac} is missing.`,
  ],
  [/The specified module could not be found/, () => 'A DLL that it needs is missing.'],
  [
    /invalid ELF header|wrong ELF class|Exec format error|not a valid Win32 application|incompatible architecture|not a mach-o|file too short/i,
    () => 'The file is damaged, or made for another platform.',
  ],
  [/undefined symbol: napi_|Error relocating .*napi_/, () => 'This Node.js is too old for it.'],
  [noExecution, () => 'The folder lies on a file system without the right to execute.'],
]

function loadAdvice({ located, said }: Extract<Cause, { kind: 'load' }>): string {
  const meaning = meanings.map(([pattern, words]) => ({ found: pattern.exec(said), words })).find(({ found }) => found)
  const because = meaning ? `${meaning.words(meaning.found!)}\n` : ''
  return because + loadCommand(located, said)
}

function loadCommand({ origin, file, package: of }: Located, said: string): string {
  if (origin === 'FACENET_ADDON')
    return `FACENET_ADDON names the file ${file}. To do without it, run: unset FACENET_ADDON`
  if (noExecution.test(said)) return `To see which, run: findmnt --target ${file}`
  if (origin === 'clone') return 'To make it again, run: npm run prebuild'
  if (origin === 'package' && !/not found|cannot open shared|Error loading shared/.test(said)) {
    return `To install it again, run: npm install --force ${of!.name.endsWith('-cuda') ? of!.name : 'facenet-native'}@${of!.version}`
  }
  return rebuild(origin === 'built' ? 'compile it again' : 'compile it for this system')
}

/** How to compute on the graphics card where a driver is there but the addon has no CUDA. */
export function cudaAdvice({ origin, package: of }: Located, { version, platform }: Surroundings): string {
  const forCuda: string = `${platformName(platform)}-cuda`
  const offered = (packaged as readonly string[]).includes(forCuda)
  if (origin === 'clone') return 'To make an addon with CUDA, run: npm start -- --cuda'
  if (of && offered) return `To compute on it, run: npm install @facenet-native/${forCuda}@${version}`
  return 'To compute on it, run: npx facenet-native build --cuda'
}
