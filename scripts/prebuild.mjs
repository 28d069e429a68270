// Makes the packages that are published, in packages/: the addon for each platform, the models that come with it, and
// facenet-native itself. `npm run prebuild` makes all but those with CUDA, which need nvcc; with names (`npm run prebuild -- linux-x64
// linux-x64-cuda`) only those. Needs CMake, nasm, readelf and, for the sources of oneDNN and libjpeg-turbo, apt-get or ONEDNN_SOURCE
// and LIBJPEG_SOURCE.
import { buildTs } from './build-ts.mjs'
import { buildAddon } from './prebuild/build.mjs'
import { megabytes, problemsOf } from './prebuild/check.mjs'
import { writeMainPackage } from './prebuild/main_package.mjs'
import { targets } from './prebuild/targets.mjs'
import { run } from './prebuild/toolchain.mjs'
import { writePackage } from './prebuild/write_package.mjs'

const asked = process.argv.slice(2)
const names = [...targets.map((target) => target.name), 'models', 'facenet-native']
const unknown = asked.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  console.error(`There is no package ${unknown.join(', ')}; there are ${names.join(', ')}`)
  process.exit(2)
}

let failed = false
for (const target of targets) {
  if (asked.length > 0 ? !asked.includes(target.name) : target.cuda) continue
  console.error(`\n@facenet-native/${target.name}`)
  try {
    const addon = buildAddon(target)
    const problems = problemsOf(target, addon)
    for (const problem of problems) console.error(`  ${problem}`)
    failed ||= problems.length > 0
    console.error(`Made ${writePackage(target, addon)}, ${megabytes(addon)} MB`)
  } catch (error) {
    console.error(error.message)
    failed = true
  }
}
if (asked.length === 0 || asked.includes('models')) {
  run(process.execPath, ['--import', 'tsx', 'scripts/prebuild-models.ts'])
}
if (asked.length === 0 || asked.includes('facenet-native')) {
  await buildTs()
  console.error(`Made ${writeMainPackage()}`)
}
if (failed) process.exitCode = 1
