// The inner loops of the filter in 8 bits, where this machine has instructions for them.
#pragma once

#include <cstdint>

namespace facenet::cpu {

constexpr int64_t kInt8Lanes = 16;     // queries of a vector
constexpr int64_t kInt8TileRows = 14;  // that registers hold sums of, for two vectors of queries
constexpr int64_t kInt8BlockRows = 9 * kInt8TileRows;  // of one scale; 16 KB at 128 dimensions
constexpr int64_t kInt8FewQueries = 4;
constexpr int64_t kInt8MaxDimensions = 4096;  // with which no sum below leaves 32 bits
constexpr double kInt8Reach = 1e9;            // beyond which limits and starts decide nothing
constexpr float kInt8MinScale = 1e-12f;

// A row is scale * integers + a rest. What is said of a block's rows, row by row.
struct Int8Rows {
  const int8_t*
      tiles;    // of groups x kInt8TileRows x 4 integers; a group is 4 dimensions, zeros behind the last
  float scale;  // 0: the block is not told apart
  const int32_t* sums;   // of the integers
  const float* squares;  // |row|^2
  const float* rests;    // at least |rest|
  const float* lengths;  // at least |scale * integers|
};

struct Int8Kernels {
  // Rows less `center` to integers of -127..127, all arrays as long as a block. Returns the scale.
  float (*quantize)(const float* rows, int64_t count, int64_t dimensions, const float* center, int8_t* tiles,
                    int32_t* sums, float* squares, float* rests, float* lengths);
  // limits[i] <= cuts[i] * factor by 1 or 2: where to cut integers. An infinite cut lets nothing through.
  void (*scaleCuts)(const double* cuts, int64_t count, double factor, int32_t* limits);
  // starts[i] >= -128 * sums[i] - (squares[i] * share - longest * rests[i] - rest * lengths[i]) * factor, by 1 or 2.
  void (*startSums)(const Int8Rows&, int64_t count, double share, double longest, double rest, double factor,
                    int32_t* starts);
  // Of a tile of rows and 1 or 2 vectors of queries (groups x vectors x lanes x 4 integers, each with 128 added): hits[i] has
  // bit q where starts[i] + row i * query q > limits[q]. Whether any is set.
  bool (*rowsAbove)(const int8_t* tile, int64_t groups, const uint8_t* queries, int64_t vectors,
                    const int32_t* starts, const int32_t* limits, uint32_t* hits);
  // The same of a whole block for up to kInt8FewQueries of one vector, with rows as lanes: products of lanes that nobody asks for
  // would take longer than to read the rows.
  void (*blockAbove)(const int8_t* tiles, int64_t groups, const uint8_t* queries, int64_t count,
                     const int32_t* starts, const int32_t* limits, uint32_t* hits);
};

// Null where the machine, or the ISA that was asked for, has none.
const Int8Kernels* int8Kernels();

}  // namespace facenet::cpu
