// TrainerOptions, StepOptions and StepReport of types/native.d.ts.
#pragma once

#include <napi.h>

#include "native/binding/arrays.h"
#include "native/binding/fields.h"
#include "native/train/trainer.h"

namespace facenet::binding {

train::TrainingPlanOptions readTrainingPlanOptions(const Fields& options);
train::TrainerOptions readTrainerOptions(const Fields& options);
train::StepOptions readStepOptions(const Fields& options);
// `teacher` of the options of a step; `extents`: of the embeddings.
train::Targets readTargets(Arrays& arrays, const Fields& teacher, Arrays::Extents extents);

// The name of a kind of tensor.
const char* kindName(train::TrainerTensor::Kind kind);

Napi::Object stepReport(Napi::Env env, const train::StepReport& report);
Napi::Object trainingPlanReport(Napi::Env env, const train::TrainingPlan& plan);

}  // namespace facenet::binding
