// Reads the machine code of kernels out of the objects of the build: nvcc keeps a cubin, an ELF file, for each architecture in
// an object's .nv_fatbin section, uncompressed from CUDA 13 on. Instructions have 16 bytes from sm_70 on; their lowest 12
// bits are the opcode with the form of its operands. NVIDIA publishes no encoding: the opcodes below are those of the
// instructions that kernels of known PTX compile to.
import { readFileSync } from 'node:fs'

const instructionBytes = 16
const opcodes = new Map([
  [0x23c, 'HMMA'],
  [0x83b, 'LDSM'],
  [0xfae, 'LDGSTS'],
  [0x981, 'LDG'],
  [0x986, 'STG'],
  [0x984, 'LDS'],
  [0x988, 'STS'],
  [0x983, 'LDL'],
  [0x987, 'STL'],
  [0x944, 'CALL'],
  [0x947, 'BRA'],
  [0xb1d, 'BAR'],
  [0x223, 'FFMA'],
  [0x308, 'MUFU'],
])
// Bits 73 to 75 of loads and stores: how much one thread moves.
const widths = [8, 8, 16, 16, 32, 64, 128, 128]

/** The sections of an ELF64 file as { name, data }. */
function sectionsOf(elf) {
  const table = Number(elf.readBigUInt64LE(0x28))
  const [size, count, namesAt] = [0x3a, 0x3c, 0x3e].map((at) => elf.readUInt16LE(at))
  const headers = Array.from({ length: count }, (_, i) => {
    const header = elf.subarray(table + i * size)
    const [offset, bytes] = [0x18, 0x20].map((at) => Number(header.readBigUInt64LE(at)))
    const holdsNothing = header.readUInt32LE(4) === 8 // SHT_NOBITS
    return { name: header.readUInt32LE(0), data: elf.subarray(offset, holdsNothing ? offset : offset + bytes) }
  })
  const names = headers[namesAt].data
  return headers.map(({ name, data }) => ({ name: names.toString('latin1', name, names.indexOf(0, name)), data }))
}

/** The cubins of an object as { architecture: 'sm_80', elf }. Throws where one is compressed. */
function* cubinsOf(object) {
  const fat = sectionsOf(object).find(({ name }) => name === '.nv_fatbin')?.data
  for (let at = 0; fat && at + 16 <= fat.length; ) {
    if (fat.readUInt32LE(at) === 0xba55ed50) {
      at += fat.readUInt16LE(at + 6)
      continue
    }
    const kind = fat.readUInt16LE(at)
    const [headerBytes, bytes] = [fat.readUInt32LE(at + 4), Number(fat.readBigUInt64LE(at + 8))]
    if (headerBytes === 0) break // what fills the section up
    const payload = fat.subarray(at + headerBytes, at + headerBytes + bytes)
    if (kind === 2) {
      if (payload.toString('latin1', 1, 4) !== 'ELF') throw new Error('The machine code is compressed')
      yield { architecture: `sm_${fat.readUInt32LE(at + 28)}`, elf: payload }
    }
    at += headerBytes + bytes
  }
}

/** How many instructions a branch goes on by, from the one behind it. sm_90 has eight of the bits elsewhere. */
function distanceOf(low, high, architecture) {
  const upper = BigInt.asIntN(48, ((high & 0x3ffffn) << 30n) | (low >> 34n))
  const words = architecture === 'sm_90' ? upper * 256n + ((low >> 16n) & 0xffn) : upper
  return (Number(words) * 4) / instructionBytes
}

function instructionsOf(code, architecture) {
  return Array.from({ length: code.length / instructionBytes }, (_, i) => {
    const [low, high] = [0, 8].map((at) => code.readBigUInt64LE(i * instructionBytes + at))
    const name = opcodes.get(Number(low & 0xfffn)) ?? 'other'
    const target = name === 'BRA' ? i + 1 + distanceOf(low, high, architecture) : undefined
    return { name, bits: widths[Number((high >> 9n) & 7n)], target }
  })
}

/** The instructions of each loop that multiplies on tensor cores and has no other such loop within. */
function tensorLoops(instructions) {
  const loops = instructions
    .flatMap(({ target }, last) => (target !== undefined && target < last ? [{ first: target, last }] : []))
    .filter(({ first, last }) => instructions.slice(first, last).some(({ name }) => name === 'HMMA'))
  const isWithin = (a, b) => a !== b && a.first >= b.first && a.last <= b.last
  return loops
    .filter((loop) => !loops.some((other) => isWithin(other, loop)))
    .map(({ first, last }) => instructions.slice(first, last + 1))
}

/** How often each instruction occurs, with `all`, and of STG and LDG those of 128 bits. */
function count(instructions) {
  const counts = { all: instructions.length }
  for (const { name, bits } of instructions) {
    counts[name] = (counts[name] ?? 0) + 1
    if (bits === 128 && (name === 'STG' || name === 'LDG')) counts[`${name}.128`] = (counts[`${name}.128`] ?? 0) + 1
  }
  return counts
}

/**
 * The kernels of an object file: mangled name, architecture, bytes of code, counts of all instructions, and of those in
 * each loop on tensor cores.
 */
export function kernelsOf(path) {
  return [...cubinsOf(readFileSync(path))].flatMap(({ architecture, elf }) =>
    sectionsOf(elf)
      .filter(({ name }) => name.startsWith('.text.'))
      .map(({ name, data }) => {
        const instructions = instructionsOf(data, architecture)
        const loops = tensorLoops(instructions).map(count)
        return {
          name: name.slice('.text.'.length),
          architecture,
          bytes: data.length,
          counts: count(instructions),
          loops,
        }
      }),
  )
}
