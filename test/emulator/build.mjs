// Builds test/emulator in the addon's build, without nvcc. Plain Node, since test/run.mjs calls it before any
// test starts; a test file that is run by itself calls it too.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { isStale, root } from '../../scripts/files.mjs'

/** The addon's build, which has to be configured: `npm run build:native` does that. */
const build = join(root, 'build/cmake')
const folder = join(root, 'build/emulator')
const outputs = {
  tests: join(folder, 'facenet_emulator'),
  addon: join(folder, 'facenet_emulator.node'),
  training: join(folder, 'training_kernels'),
}
const targets = { tests: 'facenet_emulator', addon: 'emulated_addon', training: 'emulated_training_kernels' }
const sources = {
  tests: ['cuda', 'test/emulator', 'test/kernels', 'native'],
  addon: ['cuda', 'native', 'test/emulator', 'package.json'],
  training: ['cuda', 'native', 'test/emulator', 'test/kernels/training'],
}

/** Builds the program of kernel tests or the emulated addon where it is not up to date. Returns its path. */
export function buildEmulator(what) {
  if (!isStale(outputs[what], sources[what])) return outputs[what]
  lock(() => {
    if (!isStale(outputs[what], sources[what])) return
    if (!existsSync(join(build, 'CMakeCache.txt')))
      throw new Error(
        'The emulator is a part of the build in build/cmake, which is not there: run `npm run build:native`',
      )
    const jobs = String(availableParallelism())
    cmake('--build', build, '--target', targets[what], '--parallel', jobs)
    // An incremental build may find nothing to link; the output is up to date all the same.
    utimesSync(outputs[what], new Date(), new Date())
  })
  return outputs[what]
}

function cmake(...args) {
  // What LD_PRELOAD puts into this process, the runtime of a sanitizer for one, would slow compilers down by an order.
  const env = { ...process.env, LD_PRELOAD: '' }
  const { status, stdout, stderr, error } = spawnSync('cmake', args, { encoding: 'utf8', maxBuffer: 1 << 26, env })
  if (error) throw new Error(`cmake cannot be run: ${error.message}`)
  if (status !== 0) throw new Error(`cmake ${args.join(' ')}:\n${stdout}${stderr}`)
}

/** One process builds at a time. The lock names it, so that one that has died leaves nothing locked. */
function lock(build) {
  const path = `${folder}.lock`
  mkdirSync(join(root, 'build'), { recursive: true })
  while (!take(path)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  try {
    build()
  } finally {
    rmSync(path)
  }
}

function take(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    const owner = ownerOf(path)
    if (owner > 0 && !isAlive(owner)) rmSync(path, { force: true })
    return false
  }
}

/** 0 where the lock has just been given back, or does not name its owner yet. */
function ownerOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch {
    return 0
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
