# What the tests of kernels use of native/, beside headers.
set(testedNative
  cuda/conv_weights.cc cuda/device.cc cuda/graph.cc cuda/label_order.cc cuda/product_route.cc
  cuda/triplet_loss_run.cc cuda/triplet_miner.cc cuda/triplets.cc
  graph/fold_weights.cc graph/weights.cc
  reference/optimizer.cc reference/triplet_loss.cc reference/triplet_mining.cc
  train/cuda/conv_data_gradient.cc train/cuda/optimizer.cc train/cuda/packed_conv.cc train/cuda/triplet_step.cc)
list(TRANSFORM testedNative PREPEND ${root}/native/)
