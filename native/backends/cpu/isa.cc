#include <cstdlib>
#include <cstring>

#include "native/backends/cpu/kernels.h"

namespace facenet::cpu {

const Isa& isa() {
  static const Isa& chosen = []() -> const Isa& {
    const char* wanted = std::getenv("FACENET_ISA");
    const auto allows = [&](const char* name) { return !wanted || !*wanted || !std::strcmp(wanted, name); };
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool hasAvx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    const bool hasAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (hasAvx512 && allows("avx512")) return avx512;
    if (hasAvx2 && (allows("avx2") || allows("avx512"))) return avx2;
#endif
    return baseline;
  }();
  return chosen;
}

const char* isaName() {
#if defined(__x86_64__) && defined(__GNUC__) && __GNUC__ >= 11
  if (&isa() == &avx512 && __builtin_cpu_supports("amx-bf16")) return "avx512_amx";
#endif
#if defined(__x86_64__)
  if (&isa() == &avx512 && __builtin_cpu_supports("avx512bf16")) return "avx512_bf16";
#endif
  return isa().name;
}

}  // namespace facenet::cpu
