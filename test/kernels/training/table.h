// The cases of test/cases, in the form that test/cases/text.ts writes.
#pragma once

#include <string>
#include <vector>

#include "case.h"

namespace facenet::train::test {

// Throws where a line is not understood, or where its nodes are not one op with what can be fused into it.
std::vector<Case> readTable(const std::string& path);

}  // namespace facenet::train::test
