// What the compiler says of the kernels: the reports that the build keeps beside its objects, and PTX made here. Above
// every kernel stands what it may use at most: "// Registers: at most 64."
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const objects = join(root, 'build/cmake/CMakeFiles/facenet.dir/cuda')

const filesIn = (folder: string, pattern: RegExp) =>
  existsSync(folder)
    ? (readdirSync(folder, { recursive: true }) as string[]).filter((path) => pattern.test(path)).sort()
    : []

interface CompiledKernel {
  mangled: string
  architecture: string
  registers: number
  spilledBytes: number
}

function parseReport(report: string): CompiledKernel[] {
  const kernels = report.split(/(?=ptxas info\s*: Compiling entry function )/).slice(1)
  return kernels.map((part) => {
    const [, mangled, architecture] = part.match(/Compiling entry function '(\S+)' for '(\w+)'/)!
    const [, stores, loads] = part.match(/(\d+) bytes spill stores, (\d+) bytes spill loads/)!
    const registers = Number(part.match(/Used (\d+) registers/)![1])
    return { mangled: mangled!, architecture: architecture!, registers, spilledBytes: Number(stores) + Number(loads) }
  })
}

/** Kernels of a source by name, and the registers stated since the kernel before: undefined where none are. */
function readBudgets(source: string): Map<string, number | undefined> {
  const budgets = new Map<string, number | undefined>()
  let end = 0
  for (const kernel of source.matchAll(/__global__\s+void\s+(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\s*\(/g)) {
    const stated = source.slice(end, kernel.index).match(/Registers: at most (\d+)\./)
    budgets.set(kernel[1]!, stated ? Number(stated[1]) : undefined)
    end = kernel.index + kernel[0].length
  }
  return budgets
}

const sources = filesIn(join(root, 'cuda'), /\.(cu|cuh|inc)$/)
const budgets = new Map(sources.flatMap((path) => [...readBudgets(readFileSync(join(root, 'cuda', path), 'utf8'))]))
const reports = filesIn(objects, /\.ptxas$/)

/** The name of a kernel stands in its mangled name after the name's length. */
function nameOf({ mangled }: CompiledKernel): string | undefined {
  return [...budgets.keys()].find((name) => mangled.includes(`${name.length}${name}`))
}

test('every kernel says how many registers it may use', () => {
  assert.ok(budgets.size > 1)
  for (const [name, registers] of budgets) assert.ok(registers !== undefined, `${name} does not say`)
})

if (reports.length === 0) {
  test.skip('kernels stay within their registers (nvcc was not there when the addon was built)', () => {})
} else {
  test('there is a report of every source', () => {
    const reported = reports.map((path) => path.replace(/\.o\.ptxas$/, ''))
    const compiled = sources.filter((path) => path.endsWith('.cu'))
    for (const path of compiled) assert.ok(reported.includes(path), path)
  })
}

for (const path of reports) {
  const report = readFileSync(join(objects, path), 'utf8')
  const kernels = parseReport(report)
  test(`${path}: within the registers, no spills, nothing ignored`, () => {
    assert.not.match(report, /C7508|C7510/)
    for (const kernel of kernels) {
      const name = nameOf(kernel)
      assert.ok(name, `${kernel.mangled} is no kernel of cuda/`)
      const what = `${name} on ${kernel.architecture} (${kernel.mangled})`
      assert.is(kernel.spilledBytes, 0, `${what} spills ${kernel.spilledBytes} bytes`)
      const allowed = budgets.get(name)!
      assert.ok(kernel.registers <= allowed, `${what} uses ${kernel.registers} registers, more than ${allowed}`)
    }
  })
}

const nvcc = ['nvcc', '/usr/local/cuda/bin/nvcc'].find((path) => spawnSync(path, ['--version']).status === 0)

/** Instructions that a source must show in its PTX of sm_80. */
const hot: Record<string, RegExp[]> = {
  'conv2d/forward/conv2d_mma_bf16.cu': [
    /mma\.sync\.aligned\.m16n8k16/,
    /ldmatrix\.sync\.aligned/,
    /cp\.async\.cg\.shared\.global/,
  ],
}
for (const [path, instructions] of Object.entries(hot)) {
  const title = `${path}: matrix instructions and asynchronous copies in the PTX of sm_80`
  if (!nvcc) {
    test.skip(`${title} (there is no nvcc)`, () => {})
    continue
  }
  test(title, () => {
    const args = ['-std=c++20', '-O3', '-ptx', '-arch=compute_80', `-I${root}`, `-I${join(root, 'native')}`, '-o', '-']
    const { status, stdout, stderr } = spawnSync(nvcc, [...args, join(root, 'cuda', path)], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
    assert.is(status, 0, stderr)
    for (const instruction of instructions) assert.match(stdout, instruction)
  })
}

test.run()
