#include "native/graph/table.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace facenet {
namespace {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 64> buffer;
  std::snprintf(buffer.data(), buffer.size(), pattern, values...);
  return buffer.data();
}

// Three digits: 9.41K, 37.0K, 115M.
std::string scaled(double value, double unit, const char* suffixes) {
  if (value < unit) return format("%.0f", value);
  int power = -1;
  for (; value >= unit && suffixes[power + 1]; ++power) value /= unit;
  return format(value < 10 ? "%.2f%c" : value < 100 ? "%.1f%c" : "%.0f%c", value, suffixes[power]);
}
// Words in lines of at most `width`, though no word is broken.
std::vector<std::string> wrap(const std::vector<std::string>& words, size_t width) {
  std::vector<std::string> lines(1);
  for (const std::string& word : words) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

}  // namespace

std::string counted(int64_t value) {
  return scaled(static_cast<double>(value), 1000, "KMG");
}
std::string countedBytes(int64_t value) {
  return scaled(static_cast<double>(value), 1024, "KMG");
}

std::vector<std::string> shortNames(const std::vector<std::string>& layers) {
  std::vector<std::string> result;
  std::string base;
  for (const std::string& layer : layers) {
    const bool extends = !base.empty() && layer.size() > base.size() &&
                         layer.compare(0, base.size(), base) == 0 && layer[base.size()] == '/';
    result.push_back(extends ? "+" + layer.substr(base.size() + 1) : layer);
    if (!extends) base = layer;
  }
  return result;
}

std::string table(const std::vector<TableRow>& rows, const std::vector<bool>& right,
                  const std::vector<std::vector<std::string>>& last) {
  constexpr size_t lineWidth = 120, least = 24;
  std::vector<size_t> width(right.size(), 0);
  for (const TableRow& row : rows)
    for (size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  size_t used = 0;
  for (size_t w : width) used += w + 2;

  std::string result;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < width.size(); ++c) {
      const std::string gap(width[c] - rows[r][c].size(), ' ');
      result += (right[c] ? gap + rows[r][c] : rows[r][c] + gap) + "  ";
    }
    const auto lines = wrap(last[r], used + least < lineWidth ? lineWidth - used : least);
    for (size_t l = 0; l < lines.size(); ++l) result += (l ? std::string(used, ' ') : "") + lines[l] + "\n";
  }
  return result;
}

}  // namespace facenet
