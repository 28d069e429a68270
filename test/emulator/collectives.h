// Barriers and warp collectives.
#pragma once

#include <source_location>

#include "emulator/block.h"

inline void __syncthreads(std::source_location where = std::source_location::current()) {
  emulator::barrier("__syncthreads", where);
}
inline void __syncwarp(unsigned mask = ~0u, std::source_location where = std::source_location::current()) {
  emulator::meet(
      "__syncwarp", mask, nullptr,
      [](void**, unsigned lanes) {
        if (lanes == ~0u) ++emulator::block.warpBarriers[emulator::block.current->warp()];
      },
      where);
}

namespace emulator {

template <class T>
struct Shuffle {
  T value;
  unsigned from;
};

// Each lane gets the value of lane `from`.
template <class T>
T shuffle(const char* what, unsigned mask, T value, unsigned from, Where where) {
  Shuffle<T> slot{value, from};
  meet(
      what, mask, &slot,
      [](void** slots, unsigned lanes) {
        T values[kWarp];
        for (unsigned lane = 0; lane < kWarp; ++lane)
          if (lanes >> lane & 1) values[lane] = static_cast<Shuffle<T>*>(slots[lane])->value;
        for (unsigned lane = 0; lane < kWarp; ++lane) {
          if (!(lanes >> lane & 1)) continue;
          auto& self = *static_cast<Shuffle<T>*>(slots[lane]);
          if (!(lanes >> self.from & 1))
            fail(text("shuffle from lane ", self.from, ", which takes no part,"));
          self.value = values[self.from];
        }
      },
      where);
  return slot.value;
}

// Each lane gets `combine` over the values of all lanes, and the lanes whose value is not zero.
template <class T, class Combine>
T reduce(const char* what, unsigned mask, T value, Combine, Where where) {
  meet(
      what, mask, &value,
      [](void** slots, unsigned lanes) {
        T* first = nullptr;
        for (unsigned lane = 0; lane < kWarp; ++lane) {
          if (!(lanes >> lane & 1)) continue;
          T* mine = static_cast<T*>(slots[lane]);
          if (first)
            *first = Combine()(*first, *mine);
          else
            first = mine;
        }
        for (unsigned lane = 0; lane < kWarp; ++lane)
          if (lanes >> lane & 1) *static_cast<T*>(slots[lane]) = *first;
      },
      where);
  return value;
}

struct Sum {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};
struct Least {
  template <class T>
  T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};
struct Greatest {
  template <class T>
  T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};

}  // namespace emulator

// The lane that a shuffle reads lies in the caller's segment of `width` lanes, or is the caller itself.
template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32,
              std::source_location where = std::source_location::current()) {
  const unsigned size = static_cast<unsigned>(width), base = emulator::currentLane() / size * size;
  return emulator::shuffle("__shfl_sync", mask, value, base + static_cast<unsigned>(from) % size, where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32,
                 std::source_location where = std::source_location::current()) {
  const unsigned lane = emulator::currentLane();
  const bool inside = lane % static_cast<unsigned>(width) >= distance;
  return emulator::shuffle("__shfl_up_sync", mask, value, inside ? lane - distance : lane, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32,
                   std::source_location where = std::source_location::current()) {
  const unsigned lane = emulator::currentLane(), size = static_cast<unsigned>(width);
  const bool inside = lane % size + distance < size;
  return emulator::shuffle("__shfl_down_sync", mask, value, inside ? lane + distance : lane, where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32,
                  std::source_location where = std::source_location::current()) {
  const unsigned lane = emulator::currentLane(), other = lane ^ static_cast<unsigned>(bits);
  const unsigned size = static_cast<unsigned>(width);
  // A lane of an earlier segment may be read, one of a later segment not.
  return emulator::shuffle("__shfl_xor_sync", mask, value, other / size <= lane / size ? other : lane, where);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              std::source_location where = std::source_location::current()) {
  const unsigned bit = predicate ? 1u << emulator::currentLane() : 0u;
  return emulator::reduce("__ballot_sync", mask, bit, emulator::Sum(), where);
}
inline int __any_sync(unsigned mask, int predicate,
                      std::source_location where = std::source_location::current()) {
  return emulator::reduce("__any_sync", mask, int{predicate != 0}, emulator::Greatest(), where);
}
inline int __all_sync(unsigned mask, int predicate,
                      std::source_location where = std::source_location::current()) {
  return emulator::reduce("__all_sync", mask, int{predicate != 0}, emulator::Least(), where);
}
template <class T>
T __reduce_add_sync(unsigned mask, T value, std::source_location where = std::source_location::current()) {
  return emulator::reduce("__reduce_add_sync", mask, value, emulator::Sum(), where);
}
template <class T>
T __reduce_min_sync(unsigned mask, T value, std::source_location where = std::source_location::current()) {
  return emulator::reduce("__reduce_min_sync", mask, value, emulator::Least(), where);
}
template <class T>
T __reduce_max_sync(unsigned mask, T value, std::source_location where = std::source_location::current()) {
  return emulator::reduce("__reduce_max_sync", mask, value, emulator::Greatest(), where);
}
