// The platforms that packages are published for. Each is @facenet-native/<name>, made in packages/<name>.

// Zig forbids 512-bit instructions to functions that ask for AVX-512 unless this is said.
const x64Flags = ['-mcpu=x86_64+evex512']

/**
 * os, cpu, libc: what npm compares with the machine before it installs the package (`libc` only on Linux).
 * glibc: the oldest version that the addon loads with. triple: what Zig's clang compiles for; the CUDA package needs
 * nvcc, which works with GCC. cuda: the devices that it has machine code for, and PTX for all that are newer. flags: further
 * compiler flags. onednn: bf16 convolutions by oneDNN 3.7.2, for processors with AMX or AVX-512 BF16; its code for others than x64
 * is no faster than ours. No package has it: in this release, also as Debian 13 has it, `jit_bf16` convolutions leave products out where
 * channels are no multiple of 16 (test/ops/conv2d.test.ts fails with it), so bf16 is computed in fp32. tested: whether tests of ops have run with it.
 */
export const targets = [
  {
    name: 'linux-x64',
    os: 'linux',
    cpu: 'x64',
    libc: 'glibc',
    glibc: '2.28',
    triple: 'x86_64-linux-gnu.2.28',
    flags: x64Flags,
    tested: true,
  },
  {
    name: 'linux-x64-musl',
    os: 'linux',
    cpu: 'x64',
    libc: 'musl',
    triple: 'x86_64-linux-musl',
    flags: x64Flags,
    tested: false,
  },
  {
    name: 'linux-arm64',
    os: 'linux',
    cpu: 'arm64',
    libc: 'glibc',
    glibc: '2.28',
    triple: 'aarch64-linux-gnu.2.28',
    tested: true,
  },
  {
    name: 'linux-arm64-musl',
    os: 'linux',
    cpu: 'arm64',
    libc: 'musl',
    triple: 'aarch64-linux-musl',
    tested: false,
  },
  {
    name: 'darwin-arm64',
    os: 'darwin',
    cpu: 'arm64',
    triple: 'aarch64-macos.12.0',
    tested: false,
  },
  {
    name: 'win32-x64',
    os: 'win32',
    cpu: 'x64',
    triple: 'x86_64-windows-gnu',
    flags: x64Flags,
    tested: false,
  },
  {
    name: 'linux-x64-cuda',
    os: 'linux',
    cpu: 'x64',
    libc: 'glibc',
    glibc: '2.34',
    cuda: ['80-real', '80-virtual', '90a-real', '100-real'],
    tested: false,
  },
]
