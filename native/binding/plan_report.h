// A plan as the PlanReport of types/native.d.ts.
#pragma once

#include <napi.h>

#include "native/graph/plan.h"

namespace facenet::binding {

Napi::Object planReport(Napi::Env env, const Plan& plan);

// [[height, width, channels], ...] of tensors of the plan.
Napi::Array shapesOf(Napi::Env env, const Plan& plan, const std::vector<int>& tensors);

}  // namespace facenet::binding
