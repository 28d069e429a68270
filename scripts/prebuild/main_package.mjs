// Makes packages/facenet-native, the package that is published under that name: the files that package.json lists, and a
// package.json for users. It names the platform packages as optional dependencies, which the clone's cannot do: `npm ci`
// wants packages that are in the registry, and those of a version that is being worked on are not.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../files.mjs'
import { targets } from './targets.mjs'

/** Packs dist as it is, so it has to be built before. Returns the folder. */
export function writeMainPackage(folder = join(root, 'packages/facenet-native')) {
  rmSync(folder, { recursive: true, force: true })
  for (const file of packedFiles()) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(root, file), join(folder, file))
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`)
  return folder
}

function manifest() {
  const { scripts, devDependencies, overrides, ...rest } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const platforms = targets.filter((target) => !target.cuda)
  return {
    ...rest,
    dependencies: { ...rest.dependencies, '@facenet-native/models': rest.version },
    optionalDependencies: {
      ...rest.optionalDependencies,
      ...Object.fromEntries(platforms.map(({ name }) => [`@facenet-native/${name}`, rest.version])),
    },
  }
}

function packedFiles() {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error(`npm pack: ${stderr}`)
  return JSON.parse(stdout)[0].files.map((file) => file.path)
}
