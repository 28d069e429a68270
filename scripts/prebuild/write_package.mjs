// Makes packages/<name>, a platform package that is ready to be published.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nativeSourceHash, root } from '../files.mjs'

const main = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** `addon`: the file to publish. Returns the folder. */
export function writePackage(target, addon, folder = join(root, 'packages', target.name)) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  copyFileSync(addon, join(folder, 'facenet.node'))
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  writeFileSync(join(folder, 'THIRD_PARTY_NOTICES.md'), notices(target))
  writeFileSync(join(folder, 'README.md'), readme(target))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(target), null, 2)}\n`)
  return folder
}

function manifest(target) {
  return {
    name: `@facenet-native/${target.name}`,
    version: main.version,
    description: `The native addon of facenet-native for ${describe(target)}`,
    license: main.license,
    homepage: main.homepage,
    repository: main.repository,
    os: [target.os],
    cpu: [target.cpu],
    ...(target.libc && { libc: [target.libc] }),
    ...(target.glibc && { glibc: target.glibc }),
    engines: main.engines,
    sources: nativeSourceHash(), // scripts/prebuilt.mjs
    type: 'commonjs',
    main: 'facenet.node',
    files: ['facenet.node', 'THIRD_PARTY_NOTICES.md'],
    preferUnplugged: true,
    publishConfig: { access: 'public' },
  }
}

function describe({ os, cpu, libc, cuda }) {
  const system = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' }[os]
  const on = { x64: '64-bit x86', arm64: '64-bit Arm' }[cpu]
  return `${system} on ${on}${libc === 'musl' ? ' with musl' : ''}${cuda ? ', with CUDA kernels' : ''}`
}

function readme(target) {
  const untested = target.tested ? '' : '\nIt was compiled for this platform, but the tests have not run there.\n'
  const cuda = target.cuda
    ? `\nIt is not installed by itself, for its size: \`npm install ${manifest(target).name}@${main.version}\`. It is used where an NVIDIA driver is.\n`
    : ''
  return `# @facenet-native/${target.name}

The native addon of [facenet-native](${main.homepage}) for ${describe(target)}${target.glibc ? ` and glibc ${target.glibc} or newer` : ''}.
facenet-native loads it; there is nothing to import here.
${cuda}${untested}`
}

/** What is linked into the addon, and on which terms. */
function notices(target) {
  const parts = [
    ['libjpeg-turbo', 'IJG and BSD-3-Clause and Zlib', 'https://libjpeg-turbo.org'],
    ...(target.onednn ? [['oneDNN', 'Apache-2.0', 'https://github.com/uxlfoundation/oneDNN']] : []),
    ...(target.cuda
      ? [
          [
            'CUDA runtime (cudart_static)',
            'NVIDIA CUDA Toolkit EULA, Attachment A',
            'https://docs.nvidia.com/cuda/eula/',
          ],
          [
            'libstdc++, libgcc',
            'GPL-3.0 with the GCC Runtime Library Exception',
            'https://gcc.gnu.org/onlinedocs/libstdc++/manual/license.html',
          ],
        ]
      : [['libc++, libc++abi, libunwind, compiler-rt', 'Apache-2.0 with LLVM exceptions', 'https://libcxx.llvm.org']]),
    ['node-addon-api', 'MIT', 'https://github.com/nodejs/node-addon-api'],
  ]
  const rows = parts.map(([name, license, address]) => `| ${name} | ${license} | ${address} |`)
  return `# Third-party notices\n\nParts of these are in \`facenet.node\`:\n\n| what | licence | where |\n|---|---|---|\n${rows.join('\n')}\n`
}
