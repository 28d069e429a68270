// Training plans for people.
#include "native/graph/table.h"
#include "native/train/plan.h"

namespace facenet::train {
namespace {

const PlannedTensor& tensorOf(const Plan& plan, int tensor) {
  return plan.tensors[static_cast<size_t>(tensor)];
}

// "28x28x64 -> +=28x28x192": the gradient read and those written; "0->" where channels are cleared before.
std::string gradientsText(const Plan& forward, const Step& step, const BackwardStep& backward) {
  std::string result = toString(tensorOf(forward, step.outputs.front()).shape) + " ->";
  bool any = false;
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    if (!backward.wanted[i]) continue;
    result += (backward.accumulate[i] ? " +=" : " =") + toString(tensorOf(forward, step.inputs[i]).shape);
    any = true;
  }
  if (!any) result += " -";
  if (!backward.clear.empty()) result += text(" (", backward.clear.size(), " cleared)");
  return result;
}

std::string weightsText(const Plan& forward, const Step& step, const BackwardStep& backward) {
  int64_t elements = 0;
  if (backward.weights)
    for (const OpTensor& tensor : tensorsOf(forward, step)) {
      int64_t count = 1;
      for (const int64_t extent : tensor.shape) count *= extent;
      if (!isStatistic(tensor.role)) elements += count;
    }
  return elements ? "+=" + counted(elements) : "-";
}

}  // namespace

std::string printTrainingPlan(const TrainingPlan& plan) {
  const Plan& forward = plan.forward;
  std::vector<TableRow> rows{{"#", "backward of", "gradients", "weights", "offset"}};
  std::vector<std::vector<std::string>> layers{{"layers"}};
  int64_t number = 0;
  for (const BackwardStep& backward : plan.backward) {
    const Step& step = forward.steps[static_cast<size_t>(backward.step)];
    rows.push_back({text(++number), opText(step.op), gradientsText(forward, step, backward),
                    weightsText(forward, step, backward),
                    text(arenaOffset(plan.gradients, tensorOf(plan.gradients, step.outputs.front())))});
    layers.push_back(shortNames(step.layers));
  }
  return printPlan(forward) + "\n" + table(rows, {true, false, false, true, true}, layers) +
         text(countedBytes(forward.arenaBytes), " of activations kept and ",
              countedBytes(plan.gradients.arenaBytes), " of gradients at their peak an image, ", plan.chunk,
              plan.chunk == 1 ? " image" : " images", " a chunk\n");
}

}  // namespace facenet::train
