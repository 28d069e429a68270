#include "native/backends/cpu/training_isa.h"

namespace facenet::train::cpu {

const TrainIsa& trainIsa() {
#if defined(__x86_64__)
  if (&facenet::cpu::isa() == &facenet::cpu::avx512) return avx512;
  if (&facenet::cpu::isa() == &facenet::cpu::avx2) return avx2;
#endif
  return baseline;
}

}  // namespace facenet::train::cpu
