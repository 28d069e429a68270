// The backward of every op: from the gradient dy of the loss with respect to an op's output y, those with
// respect to its input x and its parameters. Forward formulas stand in the op's own header; the same names
// are used here. Nothing is averaged: the gradient is that of the sum over the images of a chunk.
//
// At a kink the gradient is that of the flat side, and of equal maxima the first one, in rows, then columns
// of the window, had the effect.
//
// activation (also at the end of conv2d, fully_connected and add, where dy is turned into the gradient of the
// activation's input first)
//   relu        dx = y > 0 ? dy : 0
//   relu6       dx = 0 < y < 6 ? dy : 0
//   prelu       dx = x > 0 ? dy : slope[c] dy;  dslope[c] = sum over x <= 0 of x dy
//   sigmoid     dx = dy y (1 - y)
// conv2d        with f = factor and g = f dy after the activation
//   data        dx[p, i] = sum over taps (ky, kx) and output pixels q with q * s + (ky, kx) - pad = p, and
//               over o, of g[q, o] w[o, i, ky, kx]: for stride 1 a convolution of g with the kernel turned by
//               180 degrees and padding k - 1 - pad; for stride s one such problem for each of the s * s
//               classes of input pixels, which only the taps of that class reach
//   weights     dw[o, i, ky, kx] = sum over images and q of g[q, o] x[q * s + (ky, kx) - pad, i]
//   bias        db[o] = sum over images and q of g[q, o]
//   residual    gets dy after the activation, without f
// fully_connected  dx[i] = sum over o of dy[o] w[o, i];  dw[o, i] = sum over images of dy[o] x[i];
//               db[o] = sum of dy[o]. With maxout dy[j] goes to the o that was largest, others get 0.
// batch_norm    In training mean and variance are those of the chunk, over its m = images * pixels values of
//               a channel, the variance being the biased sum (x - mean)^2 / m. With z = (x - mean) / sqrt(
//               variance + epsilon):
//                 dshift = sum dy,  dscale = sum dy z
//                 dx = scale / sqrt(variance + epsilon) * (dy - dshift / m - z dscale / m)
//               The running mean and variance move towards the chunk's by a rate that the caller gives:
//               running += rate (batch - running), with the variance made unbiased by m / (m - 1). By running
//               statistics, which are constants, dx = scale / sqrt(variance + epsilon) * dy.
// affine        dx = scale dy,  dscale = sum dy x,  dshift = sum dy
//               A parameter of one element for all channels gets the sum of their gradients.
// max_pool      dy goes to the largest of the window
// avg_pool      every x of the window gets dy / divisor
// l2_pool       dx = sum over windows of x dy / y, with `mean` x dy / (y divisor); 0 where y = 0
// lrn           with n[c] = bias + a * sum of squares:
//               dx[c] = dy[c] n[c]^-beta - 2 a beta x[c] * sum of dy[e] x[e] n[e]^(-beta - 1) over the
//               channels e whose window holds c
// maxout        dy goes to the largest of the pieces
// concat        dx is its slice of dy
// add           da = dy,  db = factor dy
// zero_pad      dx is the part of dy inside
// upsample      dx is the sum of dy over the factor x factor pixels made of x
// l2_normalize  dx = (dy - x (x . dy) / ||x||^2) / ||x||;  below epsilon dx = dy / epsilon
// preprocess    images have no gradient
#pragma once

#include <cstdint>

namespace facenet {

// Max pooling in training keeps the winner's place in its window as one byte.
constexpr int64_t mostPooledPixels = 256;

}  // namespace facenet
