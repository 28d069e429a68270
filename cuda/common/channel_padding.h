// Values of a layer, one per channel, that kernels read by 16 bytes.
#pragma once

#include <cstdint>

namespace facenet::cuda {

// Their arrays on the device are padded to a multiple of so many values.
constexpr int64_t kChannelPadding = 8;

}  // namespace facenet::cuda
