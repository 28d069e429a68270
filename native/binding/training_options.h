// TrainerOptions, StepOptions and StepReport of types/native.d.ts.
#pragma once

#include <napi.h>

#include "native/binding/fields.h"
#include "native/train/trainer.h"

namespace facenet::binding {

train::TrainingPlanOptions readTrainingPlanOptions(const Fields& options);
train::TrainerOptions readTrainerOptions(const Fields& options);
train::StepOptions readStepOptions(const Fields& options);

Napi::Object stepReport(Napi::Env env, const train::StepReport& report);
Napi::Object trainingPlanReport(Napi::Env env, const train::TrainingPlan& plan);

}  // namespace facenet::binding
