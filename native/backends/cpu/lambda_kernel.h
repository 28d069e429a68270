// An inference kernel made of a function: for ops that are one pass over memory.
#pragma once

#include <algorithm>

#include "native/backends/cpu/isa.h"
#include "native/backends/cpu/views.h"
#include "native/backends/kernel.h"
#include "native/core/integers.h"

namespace facenet::cpu {

using Views = const std::vector<View>&;

// How the threads of a team can share one image: not at all; by rows, where each pixel comes of its own inputs alone; by
// channels, where each channel does, without parameters.
enum class Cut : uint8_t { none, rows, channels };

template <class Run>
class LambdaKernel final : public Kernel {
 public:
  LambdaKernel(Run run, int64_t scratchBytes, Cut cut)
      : run_(std::move(run)), scratchBytes_(scratchBytes), cut_(cut) {}
  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    run_(inputs, outputs, scratch);
  }
  void runTogether(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch,
                   Team& team) const override {
    if (cut_ == Cut::none || team.size() == 1) return Kernel::runTogether(inputs, outputs, scratch, team);
    const Shape& shape = outputs[0].shape;
    const int64_t whole = cut_ == Cut::rows ? shape.height : ceilDivide(shape.channels, kCutChannels);
    const int64_t each = ceilDivide(whole, kPartsPerThread * team.size()), parts = ceilDivide(whole, each);
    team.share(outputs[0].count * parts, [&](int64_t item) {
      const int64_t first = item % parts * each, end = std::min(first + each, whole);
      const auto part = [&](const std::vector<View>& views) {
        std::vector<View> result;
        for (const View& view : views) {
          const View one = image(view, item / parts);
          result.push_back(cut_ == Cut::rows ? rows(one, first, end - first)
                                             : channels(one, first * kCutChannels,
                                                        std::min(end * kCutChannels, shape.channels) -
                                                            first * kCutChannels));
        }
        return result;
      };
      run_(part(inputs), part(outputs), scratch);
    });
  }
  int64_t scratchBytes(int64_t) const override { return scratchBytes_; }
  std::string describe() const override { return isa().name; }

 private:
  static constexpr int64_t kCutChannels = 16;  // the widest vectors
  static constexpr int64_t kPartsPerThread = 2;

  Run run_;
  int64_t scratchBytes_;
  Cut cut_;
};

// run(inputs, outputs, scratch), of views with any number of images, and with the parts of one that `cut` allows.
template <class Run>
std::unique_ptr<Kernel> lambdaKernel(Run run, int64_t scratchBytes = 0, Cut cut = Cut::none) {
  return std::make_unique<LambdaKernel<Run>>(std::move(run), scratchBytes, cut);
}

}  // namespace facenet::cpu
