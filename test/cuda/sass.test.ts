/**
 * The machine code of the kernels on tensor cores, read from the objects of the build (scripts/gpu/sass.mjs): what their main
 * loops issue for each step of 32 terms, and how large they are.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Counts, type Kernel, kernelsOf } from '../../scripts/gpu/sass.mjs'

const objects = fileURLToPath(new URL('../../build/cmake/CMakeFiles/facenet.dir/cuda/conv2d', import.meta.url))
const files = [
  'forward/conv2d_mma_bf16.cu.o',
  'forward/conv2d_mma_f16.cu.o',
  'forward/stem.cu.o',
  'weight_gradient/weight_gradient_mma.cu.o',
].map((path) => join(objects, path))

/** Bytes that stay in an instruction cache of 64 KB; the epilogues of large tiles are longer, run once and from L1.5. */
const maxBytes = 64 << 10
const maxBytesOf: Record<string, number> = { '128x64': 84_500, '128x96': 123_500, '128x128': 151_500 }
/** Instructions of a step that neither multiply nor bring operands: addresses, bounds, the pipeline. */
const maxOthers = { aligned: 150, unaligned: 165 }

interface Tile {
  name: string
  rows: number
  columns: number
  warpRows: number
  warpColumns: number
}

/** MmaTile<rows, columns, warp's rows, warp's columns, blocks> in a mangled name. */
function tileOf({ name }: Kernel): Tile | undefined {
  const found = name.match(/7MmaTileILi(\d+)ELi(\d+)ELi(\d+)ELi(\d+)E/)
  if (!found) return undefined
  const [rows, columns, warpRows, warpColumns] = found.slice(1).map(Number) as [number, number, number, number]
  return { name: `${rows}x${columns}`, rows, columns, warpRows, warpColumns }
}

function onlyLoop(kernel: Kernel): Counts {
  assert.is(kernel.loops.length, 1, `${kernel.name} has ${kernel.loops.length} loops on tensor cores`)
  return kernel.loops[0]!
}

if (!files.every(existsSync)) {
  test.skip('machine code of kernels (nvcc was not there when the addon was built)', () => {})
} else {
  const kernels = files.flatMap(kernelsOf)
  const onTensorCores = kernels.filter(({ counts }) => counts.HMMA)

  test('there is code of all kernels on tensor cores for both architectures', () => {
    for (const architecture of ['sm_80', 'sm_90']) {
      const names = onTensorCores.filter((kernel) => kernel.architecture === architecture).map(({ name }) => name)
      for (const part of ['convMma', 'weightGradientMma', 'StemMma'])
        assert.ok(
          names.some((name) => name.includes(part)),
          `${part} on ${architecture}`,
        )
    }
  })

  test('nothing is kept in local memory, and loops on sm_90 call nothing', () => {
    for (const { name, architecture, counts, loops } of onTensorCores) {
      assert.is((counts.LDL ?? 0) + (counts.STL ?? 0), 0, `${name} on ${architecture}`)
      // On sm_80 the compiler leaves a division of the weight gradient's pixels out of line.
      if (architecture === 'sm_90') for (const loop of loops) assert.is(loop.CALL ?? 0, 0, name)
    }
  })

  test('a step of a convolution multiplies, loads and copies what its tile implies, with one barrier', () => {
    const convolutions = onTensorCores.filter(tileOf).filter(({ name }) => name.includes('convMma'))
    assert.ok(convolutions.length >= 30, `${convolutions.length} kernels`)
    for (const kernel of convolutions) {
      const tile = tileOf(kernel)!
      const loop = onlyLoop(kernel)
      const what = `${tile.name} on ${kernel.architecture} (${kernel.name})`
      const threads = (32 * tile.rows * tile.columns) / (tile.warpRows * tile.warpColumns)
      const chunks = (count: number) => Math.ceil((count * 32 * 2) / 16 / threads) // of 16 bytes, for one thread
      assert.is(loop.HMMA, 2 * (tile.warpRows / 16) * (tile.warpColumns / 8), what)
      assert.is(loop.LDSM, 2 * (tile.warpRows / 16 + tile.warpColumns / 16), what)
      const aligned = kernel.name.includes('Lb1EEEv')
      assert.is(loop.LDGSTS, chunks(tile.columns) + (aligned ? chunks(tile.rows) : 0), what)
      assert.is(loop.BAR, 1, what)
      const others = loop.all - loop.HMMA! - loop.LDSM! - loop.LDGSTS!
      assert.ok(others <= maxOthers[aligned ? 'aligned' : 'unaligned'], `${what}: ${others} other instructions`)
    }
  })

  test('the results of 16 bits are stored 128 bits at a time', () => {
    for (const kernel of onTensorCores.filter(({ name }) => name.includes('convMma')))
      assert.ok((kernel.counts['STG.128'] ?? 0) > 0, kernel.name)
  })

  test('the code of kernels is as small as is stated', () => {
    for (const kernel of onTensorCores) {
      const tile = tileOf(kernel)?.name ?? ''
      const limit = (kernel.name.includes('convMma') ? maxBytesOf[tile] : undefined) ?? maxBytes
      assert.ok(kernel.bytes <= limit, `${kernel.name} on ${kernel.architecture} has ${kernel.bytes} bytes of ${limit}`)
    }
  })
}

test.run()
