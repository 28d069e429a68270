#include "native/backends/cpu/isa.h"

#include <cstdlib>
#include <vector>

#include "native/core/error.h"

namespace facenet::cpu {

namespace {

// Those that this machine can run, the widest first.
std::vector<const Isa*> available() {
  std::vector<const Isa*> tables;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    tables.push_back(&avx512);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) tables.push_back(&avx2);
#endif
  tables.push_back(&baseline);
  return tables;
}

std::string asked() {
  const char* name = std::getenv("FACENET_ISA");
  return name ? name : "";
}

const Isa& choose() {
  const std::string name = asked();
  const std::vector<const Isa*> tables = available();
  if (name.empty()) return *tables[0];
  std::string names;
  for (const Isa* table : tables) {
    if (name == table->name) return *table;
    names += (names.empty() ? "" : ", ") + std::string(table->name);
  }
  throw invalidArgument("FACENET_ISA", text("one of the instruction sets of this machine (", names, ")"),
                        name);
}

}  // namespace

const Isa& isa() {
  static const Isa& chosen = choose();
  return chosen;
}

std::string isaName() {
  try {
    isa();
  } catch (const Error&) {
    return text("none: FACENET_ISA is ", asked());
  }
#if defined(__x86_64__) && defined(__GNUC__) && __GNUC__ >= 11
  if (&isa() == &avx512 && __builtin_cpu_supports("amx-bf16")) return "avx512_amx";
#endif
#if defined(__x86_64__)
  if (&isa() == &avx512 && __builtin_cpu_supports("avx512bf16")) return "avx512_bf16";
#endif
  return isa().name;
}

}  // namespace facenet::cpu
