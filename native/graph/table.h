// Tables for people, 120 columns wide where the names allow.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace facenet {

using TableRow = std::vector<std::string>;

// Columns as wide as their widest cell, text to the left and numbers (`right`) to the right. Behind each row
// come the words of `last`, which wrap.
std::string table(const std::vector<TableRow>& rows, const std::vector<bool>& right,
                  const std::vector<std::vector<std::string>>& last);

// Three digits: 9.41K, 37.0K, 115M; of bytes in steps of 1024.
std::string counted(int64_t value);
std::string countedBytes(int64_t value);

// Leaves out what a name repeats: "3a/1x1", "3a/1x1/bn", "3a/3x3" become "3a/1x1", "+bn", "3a/3x3".
std::vector<std::string> shortNames(const std::vector<std::string>& layers);

}  // namespace facenet
