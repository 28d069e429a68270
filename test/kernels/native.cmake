# What the tests of kernels use of native/, beside headers.
set(testedNative
  backends/cuda/conv/choice.cc backends/cuda/conv/data_gradient.cc backends/cuda/conv/packed_conv.cc
  backends/cuda/embedding_loss_run.cc backends/cuda/label_order.cc backends/cuda/optimizer.cc backends/cuda/runtime/device.cc
  backends/cuda/runtime/graph.cc backends/cuda/triplet_loss_run.cc backends/cuda/triplet_miner.cc
  backends/cuda/triplet_step.cc backends/cuda/triplets.cc
  backends/reference/embedding_loss.cc backends/reference/optimizer.cc backends/reference/triplet_loss.cc backends/reference/triplet_mining.cc)
list(TRANSFORM testedNative PREPEND ${root}/native/)
