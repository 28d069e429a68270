#include "native/backends/cuda/image_upload.h"

#include <algorithm>

#include "native/backends/cuda/runtime/staging.h"

namespace facenet::cuda {

ImageUpload::ImageUpload(int threads) : copiers_(std::min(threads, kMaxCopiers)) {}

ImageUpload::~ImageUpload() {
  cudaStreamSynchronize(stream_.get());
}

const void* ImageUpload::stage(const void* images, int64_t bytes, const Stream& compute) {
  if (slots_[current_]) compute.record(slots_[current_]->used);
  current_ = 1 - current_;
  std::unique_ptr<Slot>& slot = slots_[current_];
  if (!slot || slot->pinned.bytes() < bytes) {
    // What was asked for so far may still read the old buffer.
    if (slot) FACENET_CUDA_CHECK(cudaStreamSynchronize(compute.get()));
    slot.reset();
    slot = std::make_unique<Slot>(bytes);
  }
  slot->uploaded.wait();
  copyToStaging(copiers_, slot->pinned.data(), static_cast<const unsigned char*>(images), bytes);
  stream_.waitFor(slot->used);
  FACENET_CUDA_CHECK(cudaMemcpyAsync(slot->device.data(), slot->pinned.data(), static_cast<size_t>(bytes),
                                     cudaMemcpyHostToDevice, stream_.get()));
  stream_.record(slot->uploaded);
  compute.waitFor(slot->uploaded);
  return slot->device.data();
}

}  // namespace facenet::cuda
