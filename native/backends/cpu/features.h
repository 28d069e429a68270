// Which instructions this x86 processor has and the operating system keeps registers for.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

#include <cstdint>

namespace facenet::cpu {

struct Features {
  bool avx2Fma = false;
  bool avx512 = false;  // F, BW, VL and DQ
  bool avx512Bf16 = false;
  bool avx512Vnni = false;
  bool amxBf16 = false;
};

// Bits as in Intel's Software Developer's Manual, volume 2A, CPUID, and volume 1, 13.3 (XCR0). Not __builtin_cpu_supports:
// what it reads is part of libgcc, which not every toolchain has.
inline Features detectFeatures() {
  const auto bit = [](uint32_t value, int n) { return (value >> n & 1) != 0; };
  Features has;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return has;
  const bool fma = bit(c, 12), xsave = bit(c, 27);
  if (!xsave) return has;
  uint32_t saved = 0, savedHigh = 0;
  __asm__("xgetbv" : "=a"(saved), "=d"(savedHigh) : "c"(0));
  const bool wide = (saved & 0x6) == 0x6, wider = wide && (saved & 0xe0) == 0xe0;
  const bool tiles = (saved & 0x60000) == 0x60000;

  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return has;
  const uint32_t subleaves = a;
  has.avx2Fma = wide && fma && bit(b, 5);
  has.avx512 = has.avx2Fma && wider && bit(b, 16) && bit(b, 17) && bit(b, 30) && bit(b, 31);
  has.avx512Vnni = has.avx512 && bit(c, 11);
  has.amxBf16 = has.avx512 && tiles && bit(d, 22) && bit(d, 24);
  if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) has.avx512Bf16 = has.avx512 && bit(a, 5);
  return has;
}

}  // namespace facenet::cpu
#endif
