#include "native/backends/reference/gradient_table.h"

namespace facenet::train {

std::unique_ptr<TrainKernel> makeReferenceTrainKernel(const TrainContext& context) {
  return std::visit(reference::MakeLoops<double>{context}, context.step.op);
}

}  // namespace facenet::train
