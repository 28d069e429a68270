// A step of a process that has a part of the batch: its calls, between which other processes are heard.
#include <cmath>

#include "native/train/trainer.h"

namespace facenet::train {

void Trainer::embedPart(const void* images, int64_t count, float* embeddings,
                        const std::atomic<int32_t>* cancelled) {
  begin();
  auto partial = std::make_unique<PartialStep>(currentStatistics());
  partial->report.step = counters.steps + 1;
  try {
    BatchRun run(chunks_, plan_, parameters_, *backend_, rows_, batch_, cancelled);
    run.embedPart(batchOf(images, nullptr, count), values(), partial->report);
  } catch (const Error& error) {
    throwOfStep(partial->report.step, error);
  }
  backend_->download(embeddings, rows_.embeddings.get(),
                     count * dimensions() * static_cast<int64_t>(sizeof(float)));
  partial_ = std::move(partial);
}

void Trainer::learnPart(const void* images, int64_t count, const WholeBatch& whole,
                        const std::atomic<int32_t>* cancelled) {
  if (!partial_) throw invalidArgument("trainer", "one that has embedded its part of the batch", "another");
  if (whole.first < 0 || whole.first + count > whole.count)
    throw invalidArgument("first", text("a row of ", whole.count, " that leaves ", count), text(whole.first));
  if (batch_.loss.hasClasses()) checkClassLabels(batch_.loss, whole.labels, whole.count);
  backend_->enter();
  clearGradients();
  BatchRun run(chunks_, plan_, parameters_, *backend_, rows_, batch_, cancelled);
  run.learnPart(batchOf(images, nullptr, count), whole, values(), gradients(), partial_->report);
  clearFrozenGradients();
}

StepReport Trainer::update(const StepOptions& options) {
  if (!partial_)
    throw invalidArgument("trainer", "one that has learned from its part of the batch", "another");
  backend_->enter();
  StepReport report = partial_->report;
  report.gradientNorm = optimizer_->gradientNorm(gradients());
  if (!std::isfinite(report.gradientNorm)) {
    partial_.reset();
    throw Error(ErrorCode::notFinite, text("Step ", report.step, ": The norm of the gradient is not finite"),
                "gradient", "a finite norm", "NaN or infinity");
  }
  finish(report, options, partial_->statistics);
  partial_.reset();
  return report;
}

void Trainer::abandon() {
  backend_->enter();
  partial_.reset();
}

}  // namespace facenet::train
