#include "native/backends/cuda/label_order.h"

#include <unordered_map>

namespace facenet::cuda {

LabelOrder::LabelOrder(const int32_t* labelOf, int64_t n) : n(n), numbers(4 * n), firstPairs(n + 1) {
  // Labels are numbered as they come; what order they have does not matter.
  std::unordered_map<int32_t, int32_t> numberOf;
  std::vector<int32_t> groups(n), next;
  for (int64_t i = 0; i < n; ++i) {
    const bool again = i > 0 && labelOf[i] == labelOf[i - 1];
    groups[i] = again ? groups[i - 1]
                      : numberOf.try_emplace(labelOf[i], static_cast<int32_t>(numberOf.size())).first->second;
    next.resize(numberOf.size());
    ++next[groups[i]];
  }
  labels = static_cast<int64_t>(next.size());

  int32_t begin = 0;
  int32_t* rows = numbers.data();
  int32_t *places = rows + n, *begins = places + n, *ends = begins + n;
  for (int32_t& count : next) {
    const int32_t end = begin + count;
    count = begin;
    for (; begin < end; ++begin) begins[begin] = count, ends[begin] = end;
  }
  for (int64_t i = 0; i < n; ++i) {
    places[i] = next[groups[i]]++;
    rows[places[i]] = static_cast<int32_t>(i);
  }
  for (int64_t place = 0; place < n; ++place)
    firstPairs[place + 1] = firstPairs[place] + (ends[place] - begins[place] - 1);
}

}  // namespace facenet::cuda
