// cross_covariance_attention (XCA; El-Nouby and others, 2021) of queries q, keys k and values v, which have one shape. The
// channels are `heads` groups of d neighbours, and those of a group attend to each other over all pixels p of an image:
//   l(x_i) = max(sqrt(sum over p of x_i[p]^2), epsilon)                                 of a channel i of q or k
//   c_ij   = (sum over p of q_i[p] k_j[p]) / (l(q_i) l(k_j))
//   a_ij   = exp(scale c_ij) / (sum over m of exp(scale c_im))                           with the scale of the head
//   y_i[p] = sum over j of a_ij v_j[p]
// Backward:
//   da_ij  = sum over p of dy_i[p] v_j[p],  ds_ij = a_ij (da_ij - sum over m of a_im da_im),  dc_ij = scale ds_ij
//   dscale = sum over i, j of ds_ij c_ij
//   dv_j   = sum over i of a_ij dy_i
//   dq_i   = (sum over j of dc_ij k_j / l(k_j) - q_i / l(q_i) sum over j of dc_ij c_ij) / l(q_i)
//   dk_j   = (sum over i of dc_ij q_i / l(q_i) - k_j / l(k_j) sum over i of dc_ij c_ij) / l(k_j)
// without the second term where the length is epsilon, a constant.
#pragma once

#include "native/ops/attributes.h"
#include "native/ops/rule.h"
#include "native/ops/tensor.h"

namespace facenet {

struct CrossCovarianceAttention {
  int64_t heads = 1;
  float epsilon = 1e-12f;
  std::string scale;  // tensor of one a head, or of one for all heads

  static constexpr int64_t kMostHeadChannels = 1024;  // weights are d x d a head

  static constexpr const char* kNames[] = {"cross_covariance_attention"};
  static constexpr bool kHasGradient = true;
  static CrossCovarianceAttention read(const NodeFields& node) {
    return {node.attributes.integer("heads", 1), node.attributes.realOr("epsilon", 1e-12f),
            node.tensors.string("scale")};
  }
  std::string name() const { return kNames[0]; }
  Shape infer(const Inputs& inputs) const {
    inputs.requireCount(3);
    const Shape& in = inputs[0];
    inputs.require(in == inputs[1] && in == inputs[2], "queries, keys and values of one shape",
                   toString(in) + ", " + toString(inputs[1]) + " and " + toString(inputs[2]));
    inputs.requireRange("heads", heads, 1, kMaxChannels);
    inputs.require(in.channels % heads == 0, text("channels divisible by ", heads, " heads"),
                   text(in.channels));
    inputs.requireRange("channels of a head", headChannels(in), 1, kMostHeadChannels);
    inputs.require(in.channels * headChannels(in) <= kMaxElements,
                   text("at most ", kMaxElements, " weights an image"), text(in.channels * headChannels(in)));
    inputs.require(std::isfinite(epsilon) && epsilon > 0, "a finite epsilon > 0", text(epsilon));
    return in;
  }
  OpTensors tensors(const Shape&) const {
    OpTensors result;
    result.add(scale, {heads}, TensorRole::scale);
    return result;
  }
  // Of both products.
  int64_t multiplyAdds(const Shape& in, const Shape&) const {
    return 2 * in.pixels() * in.channels * headChannels(in);
  }

  int64_t headChannels(const Shape& in) const { return in.channels / heads; }
};

}  // namespace facenet
