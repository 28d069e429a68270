/** Which addon is loaded on which machine, and what is said where there is none: each cause, whatever machine this is. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cudaAdvice, explain } from '../../lib/native/diagnose.js'
import type { Located, PlatformPackage, Surroundings } from '../../lib/native/facts.js'
import { locate } from '../../lib/native/locate.js'
import { compareVersions, cudaDriver, type Platform, platformName } from '../../lib/native/platform.js'

const linux: Platform = { os: 'linux', cpu: 'x64', libc: 'glibc', libcVersion: '2.36', node: '22.1.0' }

const packageOf = (name: string, more: Partial<PlatformPackage> = {}): PlatformPackage => ({
  name: `@facenet-native/${name}`,
  version: '1.2.3',
  glibc: null,
  folder: `/n/${name}`,
  ...more,
})

interface Machine extends Partial<Omit<Surroundings, 'installed' | 'prebuilt' | 'built' | 'hasDriver'>> {
  installed?: PlatformPackage[]
  prebuilt?: PlatformPackage[]
  built?: string
  driver?: boolean
}

function on({ installed = [], prebuilt = [], built, driver = false, ...rest }: Machine) {
  const among = (packages: PlatformPackage[]) => (platform: string) =>
    packages.find(({ name }) => name === `@facenet-native/${platform}`)
  return locate({
    platform: linux,
    version: '1.2.3',
    oldestNode: '20.17',
    isClone: false,
    hasDriver: () => driver,
    built: () => built,
    installed: among(installed),
    prebuilt: among(prebuilt),
    ...rest,
  })
}

/** The words for a machine without an addon. */
function said(machine: Machine): string {
  const result = on(machine)
  assert.ok('cause' in result, 'an addon was found')
  return explain(result.cause)
}

const fileOn = (machine: Machine) => (on(machine) as Located).file
const cpu = packageOf('linux-x64')
const cuda = packageOf('linux-x64-cuda')

test('what was compiled in the folder comes first, then packages that are installed, then those of a clone', () => {
  const all = {
    built: '/build/facenet.node',
    installed: [cpu],
    prebuilt: [packageOf('linux-x64', { folder: '/clone' })],
  }
  assert.equal(on(all), { file: '/build/facenet.node', origin: 'built' })
  assert.equal(on({ ...all, built: undefined }), { file: '/n/linux-x64/facenet.node', origin: 'package', package: cpu })
  assert.is(fileOn({ ...all, built: undefined, installed: [] }), '/clone/facenet.node')
})

test('the package for CUDA is taken where a driver is there, or where there is no other', () => {
  assert.is(fileOn({ installed: [cpu, cuda], driver: true }), '/n/linux-x64-cuda/facenet.node')
  assert.is(fileOn({ installed: [cpu, cuda] }), '/n/linux-x64/facenet.node')
  assert.is(fileOn({ installed: [cuda] }), '/n/linux-x64-cuda/facenet.node')
  assert.is(fileOn({ installed: [cpu], driver: true }), '/n/linux-x64/facenet.node')
})

test('each C library has its package', () => {
  const musl = { ...linux, libc: 'musl', libcVersion: '1.2.4' } as const
  assert.is(platformName(musl), 'linux-x64-musl')
  assert.is(platformName({ ...linux, libc: null, libcVersion: null }), 'linux-x64')
  assert.is(platformName({ ...linux, os: 'darwin', cpu: 'arm64', libc: null }), 'darwin-arm64')
  assert.is(fileOn({ platform: musl, installed: [packageOf('linux-x64-musl')] }), '/n/linux-x64-musl/facenet.node')
})

test('Node.js that is too old is said to be, whatever else is there', () => {
  const message = said({ platform: { ...linux, node: '20.9.0' }, installed: [cpu], built: '/b' })
  assert.match(message, /Node\.js 20\.9\.0 is too old: facenet-native needs 20\.17 or newer/)
  assert.match(message, /run: nvm install 22$/)
})

test('a platform without a package is told which there are, and to compile', () => {
  const message = said({ platform: { ...linux, os: 'freebsd', libc: null } })
  assert.match(message, /no prebuilt addon for freebsd-x64; there are those for linux-x64, .*win32-x64/)
  assert.match(message, /run: npx facenet-native build$/)
  assert.match(said({ platform: { ...linux, cpu: 'riscv64' } }), /no prebuilt addon for linux-riscv64/)
})

test('an optional package that was left out is named', () => {
  const message = said({})
  assert.match(
    message,
    /@facenet-native\/linux-x64, .* is not installed\. .*--omit=optional, --no-optional.*docs\/bundlers\.md/,
  )
  assert.match(message, /run: npm install --include=optional facenet-native@1\.2\.3$/)
})

test('node_modules of another platform are recognised by the package that is there', () => {
  const message = said({ installed: [packageOf('darwin-arm64')] })
  assert.match(
    message,
    /@facenet-native\/linux-x64, .*Linux x64 with glibc 2\.36.* not installed, but @facenet-native\/darwin-arm64 is/,
  )
  assert.match(message, /run: npm install --os=linux --cpu=x64 --libc=glibc facenet-native$/)
  const musl = { ...linux, libc: 'musl', libcVersion: null } as const
  assert.match(said({ platform: musl, installed: [cpu, cuda] }), /linux-x64 and @facenet-native\/linux-x64-cuda are: /)
})

test('a clone without an addon is told what makes one', () => {
  assert.match(said({ isClone: true }), /this is a clone.*\nTo make it, run: npm start$/)
})

test('a package of another version is an error that names both', () => {
  const old = { version: '1.2.2' }
  const message = said({ installed: [packageOf('linux-x64', old)] })
  assert.match(message, /facenet-native is version 1\.2\.3, but @facenet-native\/linux-x64 is version 1\.2\.2/)
  assert.match(message, /run: npm install facenet-native@1\.2\.3$/)
  const withCuda = { installed: [cpu, packageOf('linux-x64-cuda', old)] }
  assert.match(said({ ...withCuda, driver: true }), /run: npm install @facenet-native\/linux-x64-cuda@1\.2\.3$/)
  assert.is(fileOn(withCuda), '/n/linux-x64/facenet.node', 'without a driver it does not matter')
  assert.match(said({ prebuilt: [packageOf('linux-x64', old)] }), /run: npm run prebuild$/)
})

test('the oldest glibc of a package is compared with that of the system as a number', () => {
  const installed = [packageOf('linux-x64', { glibc: '2.28' })]
  const message = said({ installed, platform: { ...linux, libcVersion: '2.9' } })
  assert.match(message, /linux-x64 needs glibc 2\.28 or newer, and this system has 2\.9/)
  assert.match(message, /run: npx facenet-native build$/)
  for (const libcVersion of ['2.28', '2.100', null])
    assert.ok(fileOn({ installed, platform: { ...linux, libcVersion } }))
  assert.ok(compareVersions('20.17', '20.9.1') > 0)
  assert.is(compareVersions('20.17', '20.17.0-nightly'), 0)
})

/** The words where the system's loader says `said`. */
const afterLoading = (said: string, located: Partial<Located> = {}) =>
  explain({ kind: 'load', said, located: { file: '/n/facenet.node', origin: 'package', package: cpu, ...located } })

test('what the system says of a file that it cannot load is explained', () => {
  const cases: [string, RegExp, RegExp][] = [
    [
      "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /n/facenet.node)",
      /C library is too old: it lacks GLIBC_2\.38\./,
      /facenet-native build$/,
    ],
    ["/usr/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found", /lacks GLIBCXX_3\.4\.32/, /facenet-native build$/],
    [
      'libdnnl.so.2: cannot open shared object file: No such file or directory',
      /shared library libdnnl\.so\.2 is missing/,
      /facenet-native build$/,
    ],
    [
      'Error loading shared library libgomp.so.1: No such file or directory (needed by /n/facenet.node)',
      /shared library libgomp\.so\.1 is missing/,
      /facenet-native build$/,
    ],
    [
      '/n/facenet.node: invalid ELF header',
      /damaged, or made for another platform/,
      /npm install --force facenet-native@1\.2\.3$/,
    ],
    [
      "dlopen(/n/facenet.node): mach-o file, but is an incompatible architecture (have 'x86_64')",
      /another platform/,
      /--force/,
    ],
    ['\\\\?\\C:\\facenet.node is not a valid Win32 application.', /another platform/, /--force/],
    ['The specified module could not be found.', /DLL/, /--force/],
    ['/n/facenet.node: undefined symbol: napi_create_bigint_uint64', /Node\.js is too old/, /--force/],
    [
      '/n/facenet.node: failed to map segment from shared object',
      /right to execute/,
      /findmnt --target \/n\/facenet\.node$/,
    ],
  ]
  for (const [text, meaning, command] of cases) {
    const message = afterLoading(text)
    assert.ok(message.includes(text), message)
    assert.match(message, meaning)
    assert.match(message, command)
  }
})

test('what helps depends on where the file came from', () => {
  const said = 'Module did not self-register'
  assert.match(afterLoading(said, { origin: 'FACENET_ADDON' }), /FACENET_ADDON names .* run: unset FACENET_ADDON$/)
  assert.match(afterLoading(said, { origin: 'built' }), /run: npx facenet-native build$/)
  assert.match(afterLoading(said, { origin: 'clone' }), /run: npm run prebuild$/)
  assert.match(afterLoading(said, { package: cuda }), /npm install --force @facenet-native\/linux-x64-cuda@1\.2\.3$/)
})

test('no message advises the command of another author', () => {
  assert.not.match(said({ platform: { ...linux, cpu: 'mips' } }), /npx facenet(?!-native)/)
})

test('where CUDA is missing, the command depends on what is loaded', () => {
  const around = (platform: Platform) => ({ platform, version: '1.2.3' }) as Surroundings
  const advice = (located: Partial<Located>, platform = linux) =>
    cudaAdvice({ file: '/f', origin: 'package', package: cpu, ...located }, around(platform))
  assert.match(advice({}), /run: npm install @facenet-native\/linux-x64-cuda@1\.2\.3$/)
  assert.match(advice({}, { ...linux, libc: 'musl' }), /run: npx facenet-native build --cuda$/)
  assert.match(advice({ origin: 'built', package: undefined }), /run: npx facenet-native build --cuda$/)
  assert.match(advice({ origin: 'clone' }), /run: npm start -- --cuda$/)
})

test('the driver is found as the system finds libraries', () => {
  const look = (files: string[], cache = '', environment = {}) => ({
    environment,
    exists: (path: string) => files.includes(path),
    read: () => cache,
  })
  const at = '/usr/lib/x86_64-linux-gnu/libcuda.so.1'
  const cache = `glibc-ld.so.cache1.1\0libcuda.so.1\0${at}\0libcuda.so\0/usr/lib/libcuda.so\0`
  assert.is(cudaDriver(linux, look([at], cache)), at)
  assert.is(cudaDriver(linux, look([], cache)), undefined, 'a cache that is out of date')
  assert.is(cudaDriver(linux, look([at])), undefined)
  const named = look(['/opt/d/libcuda.so.1'], '', { LD_LIBRARY_PATH: '/else:/opt/d' })
  assert.is(cudaDriver(linux, named), '/opt/d/libcuda.so.1')
  assert.is(cudaDriver({ os: 'darwin' }, look(['/usr/lib/libcuda.so.1'])), undefined)
})

test.run()
