// What leaves a row out of a search without its distance. With c a centre, q' = q - c and g' = g - c, as rounded, and
// S = |q'|^2 + |g'|^2, the squared distance is S - 2 q' * g', and the row is left out where
//     S - 2 q' * g' - slack * S >= limit,
// limit being the query's k-th distance so far, which a later row must be below. With u = 2^-24, let
// e = n u / (1 - n u), n = 2 d + 8: no sum below is of more than n roundings, fused or not, and so none is wrong by more
// than e times its absolute terms. Errors of the left side are at most
//     4.2 u S   for the distance of the rounded q' and g' instead of |q - g|^2
//     2.1 e S   for |q - g|^2, which is at most 2.1 S, instead of the chain that defines the distance
//     2.0 e S   for twice the dot product, where it is a sum in fp32 that begins with the row's part of S
//     1.0 e S   for S itself.
// As e is at least 6 u, slack = 8 e is more than their sum. Underflow adds less than kUnderflow.
//
// The centre takes away what rows have in common, for without it S, and so the slack, may be large beside the distances.
// Any centre is right.
#pragma once

#include <cstdint>

namespace facenet::cpu {

constexpr double kUnderflow = 1e-36;

inline double slackOf(int64_t dimensions) {
  const double nu = static_cast<double>(2 * dimensions + 8) * 0x1p-24;
  return 8 * nu / (1 - nu);
}

}  // namespace facenet::cpu
