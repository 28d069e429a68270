#include "table.h"

namespace facenet::train::test {

std::vector<Case> allCases(const std::string& path) {
  std::vector<Case> cases;
  for (Case& item : readTable(path)) {
    cases.push_back(item);
    if (item.inPlace) continue;
    // The same as slices of wider tensors, added to what another consumer wrote.
    item.name += ", slices, accumulated";
    item.slack = 4;
    item.accumulate = true;
    cases.push_back(item);
  }
  return cases;
}

}  // namespace facenet::train::test
