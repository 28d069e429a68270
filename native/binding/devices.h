// Where a call runs, and what the devices of this build can do.
#pragma once

#include <napi.h>

#include "native/backends/backends.h"
#include "native/binding/fields.h"

namespace facenet::binding {

// The DeviceOptions of types/native.d.ts. Throws where the device cannot be used: ERR_FACENET_CUDA_UNAVAILABLE,
// ERR_FACENET_INVALID_ARGUMENT.
const Backend& readBackend(const Fields& options);

int readThreads(const Fields& options);

// The BuildInfo of types/native.d.ts.
Napi::Object buildInfo(Napi::Env env);

}  // namespace facenet::binding
