// The passes of the planner, in the order makePlan runs them. Each takes a plan and returns a better one;
// between passes the steps are in an order that can be executed, and every tensor is made by at most one
// step.
#pragma once

#include "native/graph/plan.h"

namespace facenet {

// One step a node, shapes inferred and counted; drops nodes that no output needs.
Plan planNodes(const Graph& graph, const PlanOptions& options);

// batch_norm and affine into the convolution or fully connected layer before them.
Plan foldNorms(Plan plan);

// Activations, residual adds and maxout into the step before them.
Plan fuseEpilogues(Plan plan);

// Pointwise convolutions of one input into one step with several parts and outputs.
Plan mergeSiblings(Plan plan);

// A fixed preprocess into the first convolution, which then reads the uint8 image.
Plan fuseStem(Plan plan);

// A buffer for every tensor. With options.concatInPlace the inputs of a concat become slices of its buffer.
Plan assignBuffers(Plan plan);

// An offset in the arena for every buffer, and the arena's size.
Plan layOutArena(Plan plan);

// Who makes a tensor, and who reads it.
struct Links {
  explicit Links(const Plan& plan);

  std::vector<int> producer;                // step that makes a tensor; -1: the graph's input
  std::vector<std::vector<int>> consumers;  // steps that read it, once for each time they do
  std::vector<bool> output;                 // whether the graph returns it

  // Nobody but one step sees the tensor, so its producer may take over that step's work.
  bool internal(int tensor) const {
    return producer[tensor] >= 0 && consumers[tensor].size() == 1 && !output[tensor];
  }
};

// Rewrites `producer` so that it also does the work of `step`, which reads its output as input number
// `input`. Returns false, and leaves `producer` alone, where it cannot.
using AbsorbRule = bool (*)(Step& producer, const Step& step, size_t input);

// Offers every step to the producers of its inputs, the last input first. A producer qualifies where only the
// step sees its output and the step's other inputs are ready before the producer runs; they become inputs of
// the producer.
Plan absorbSteps(Plan plan, AbsorbRule rule);

// Rules for it. An activation goes where its producer has a place for one; y = a + factor * b with b (input 1) a
// bare convolution becomes that convolution with residual a, and the other way round, where a (input 0) is the
// convolution, only with factor 1.
bool fuseActivation(Step& producer, const Activation& activation);
bool fuseResidual(Step& producer, const Add& add, size_t input);
// Whichever fits the step's op: what fuseEpilogues absorbs.
bool fuseStep(Step& producer, const Step& step, size_t input);

// Moves the counts and layer names of `from` to `into`.
void addLayers(Step& into, const Step& from);

}  // namespace facenet
