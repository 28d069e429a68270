#include "native/ops/optimizer.h"

#include "native/backends/cpu/isa.h"

namespace facenet::cpu {

void optimize(const Optimizer& optimizer, const Update& update, const WeightSpan& span) {
  isa().optimize(optimizer, update, span);
}

}  // namespace facenet::cpu
