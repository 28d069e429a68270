// What ops/op.h knows of a node before any plan is made: its shape rule, its tensors and its costs.
#pragma once

#include <napi.h>

namespace facenet::binding {

// (node, shapes of its inputs) -> NodeReport of types/native.d.ts. Throws ERR_FACENET_MODEL_INVALID.
Napi::Value inferNode(const Napi::CallbackInfo& info);

// The names of all ops.
Napi::Value listOps(Napi::Env env);

}  // namespace facenet::binding
