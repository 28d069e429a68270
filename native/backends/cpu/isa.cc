#include "native/backends/cpu/isa.h"

#include <cstdlib>
#include <vector>

#include "native/backends/cpu/features.h"
#include "native/core/error.h"

namespace facenet::cpu {

namespace {

// Those that this machine can run, the widest first.
std::vector<const Isa*> available() {
  std::vector<const Isa*> tables;
#if defined(__x86_64__)
  const Features has = detectFeatures();
  if (has.avx512) tables.push_back(&avx512);
  if (has.avx2Fma) tables.push_back(&avx2);
#elif defined(__aarch64__)
  tables.push_back(&neon);
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

Bf16Products bf16Products() {
#if defined(__x86_64__)
  const Features has = detectFeatures();
  if (&isa() == &avx512 && has.amxBf16) return Bf16Products::tiles;
  if (&isa() == &avx512 && has.avx512Bf16) return Bf16Products::vectors;
#endif
  return Bf16Products::none;
}

std::string isaName() {
  try {
    isa();
  } catch (const Error&) {
    return text("none: FACENET_ISA is ", asked());
  }
  if (bf16Products() == Bf16Products::tiles) return "avx512_amx";
  if (bf16Products() == Bf16Products::vectors) return "avx512_bf16";
  return isa().name;
}

}  // namespace facenet::cpu
