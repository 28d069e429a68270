// types/graph.d.ts -> graph/graph.h.
#pragma once

#include <napi.h>

#include "native/graph/graph.h"

namespace facenet::binding {

// Throws ERR_FACENET_MODEL_INVALID that names node and attribute. Shapes and connections are the planner's to
// check.
Graph readGraph(const Napi::Value& value);

// One node of a graph; `index` names it in the error where it has no name.
Node readNode(const Napi::Value& value, uint32_t index);

}  // namespace facenet::binding
