// PlanOptions of types/native.d.ts.
#pragma once

#include "native/binding/fields.h"
#include "native/graph/plan.h"

namespace facenet::binding {

DType readDType(const Fields& options);  // f32 where it is left out
PlanOptions readPlanOptions(const Fields& options);

}  // namespace facenet::binding
