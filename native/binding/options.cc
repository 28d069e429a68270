#include "native/binding/options.h"

namespace facenet::binding {

DType readDType(const Fields& options) {
  return options.oneOf<DType, 3>("dtype", {{"f32", DType::f32}, {"bf16", DType::bf16}, {"f16", DType::f16}},
                                 true);
}

PlanOptions readPlanOptions(const Fields& options) {
  PlanOptions result;
  result.dtype = readDType(options);
  result.fold = options.booleanOr("fold", result.fold);
  result.fuse = options.booleanOr("fuse", result.fuse);
  result.mergeSiblings = options.booleanOr("mergeSiblings", result.mergeSiblings);
  result.fuseStem = options.booleanOr("fuseStem", result.fuseStem);
  if (options.booleanOr("shareLayers", false)) result.sharedMultiplyAdds = 0;
  result.concatInPlace = options.booleanOr("concatInPlace", result.concatInPlace);
  return result;
}

}  // namespace facenet::binding
