// Sequences of launches, captured as CUDA graphs: one call replays what took one per kernel.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "cuda/common/check.h"

namespace facenet::cuda {

struct DestroyGraph {
  void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
  void operator()(cudaGraphExec_t exec) const { cudaGraphExecDestroy(exec); }
};
template <class Handle>
using OwnedGraph = std::unique_ptr<std::remove_pointer_t<Handle>, DestroyGraph>;

class GraphCache {
 public:
  // Sequences of one key are the same launches with the same arguments.
  struct Key {
    int slot;
    int64_t count;
    bool operator==(const Key&) const = default;
  };

  // Puts a sequence on `stream`. What comes for the first time is launched plainly: `launch` puts it there.
  // The second time it is captured, and from then on replayed. Where it cannot be captured it stays plain.
  // `launch` is told whether it is captured.
  using Launch = std::function<void(bool capturing)>;
  void run(const Key& key, cudaStream_t stream, const Launch& launch);

  void clear() { entries_.clear(); }

 private:
  struct Entry {
    Key key;
    bool tried = false;                    // to capture it
    OwnedGraph<cudaGraphExec_t> replay{};  // null: it is launched plainly
  };
  Entry* touch(const Key& key);  // null: it was not there

  std::list<Entry> entries_;  // the latest first
};

}  // namespace facenet::cuda
