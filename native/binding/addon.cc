// The exports of the addon: NativeAddon of types/native.d.ts. One instance an environment.
#include <napi.h>

#include "native/binding/devices.h"
#include "native/binding/errors.h"
#include "native/binding/infer_node.h"
#include "native/binding/jpeg.h"
#include "native/binding/losses.h"
#include "native/binding/model.h"
#include "native/binding/options.h"
#include "native/binding/plan_report.h"
#include "native/binding/read_graph.h"
#include "native/binding/rows.h"
#include "native/binding/trainer.h"
#include "native/binding/warp.h"

namespace facenet::binding {

class FacenetAddon : public Napi::Addon<FacenetAddon> {
 public:
  FacenetAddon(Napi::Env env, Napi::Object exports)
      : worker_(env),
        warper_(env),
        jpegDecoder_(env),
        modelClass_(Napi::Persistent(Model::defineClass(env))),
        trainerClass_(Napi::Persistent(Trainer::defineClass(env))) {
    DefineAddon(exports, {InstanceMethod("info", &FacenetAddon::info),
                          InstanceMethod("ops", &FacenetAddon::ops),
                          InstanceMethod("inferNode", &FacenetAddon::infer),
                          InstanceMethod("plan", &FacenetAddon::plan),
                          InstanceMethod("openModel", &FacenetAddon::openModel),
                          InstanceMethod("trainingPlan", &FacenetAddon::planTraining),
                          InstanceMethod("openTrainer", &FacenetAddon::openTrainer),
                          InstanceMethod("l2Normalize", &FacenetAddon::normalize),
                          InstanceMethod("pairwiseDistances", &FacenetAddon::distances),
                          InstanceMethod("findNearest", &FacenetAddon::nearest),
                          InstanceMethod("indexBytes", &FacenetAddon::bytesOfIndex),
                          InstanceMethod("indexRows", &FacenetAddon::index),
                          InstanceMethod("mineTriplets", &FacenetAddon::triplets),
                          InstanceMethod("tripletLoss", &FacenetAddon::loss),
                          InstanceMethod("embeddingLoss", &FacenetAddon::lossOfEmbeddings),
                          InstanceMethod("cluster", &FacenetAddon::clusterRows),
                          InstanceMethod("clusterByDensity", &FacenetAddon::clusterDense),
                          InstanceMethod("warp", &FacenetAddon::warp),
                          InstanceMethod("decodeJpegs", &FacenetAddon::decodeJpegs),
                          InstanceMethod("cropJpegs", &FacenetAddon::cropJpegs)});
  }

 private:
  Napi::Value info(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return buildInfo(info.Env()); });
  }

  Napi::Value ops(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return listOps(info.Env()); });
  }

  Napi::Value infer(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return inferNode(info); });
  }

  Napi::Value plan(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const Fields options(info[1], "options", Fields::Kind::argument);
      return planReport(info.Env(), makePlan(readGraph(info[0]), readPlanOptions(options)));
    });
  }

  Napi::Value openModel(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return Model::open(info, worker_, modelClass_); });
  }

  Napi::Value planTraining(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return trainingPlan(info); });
  }

  Napi::Value openTrainer(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return Trainer::open(info, worker_, trainerClass_); });
  }

  Napi::Value normalize(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return l2Normalize(info, worker_); });
  }

  Napi::Value distances(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return pairwiseDistances(info, worker_); });
  }

  Napi::Value nearest(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return findNearest(info, worker_); });
  }

  Napi::Value bytesOfIndex(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return indexBytes(info); });
  }

  Napi::Value index(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return indexRows(info, worker_); });
  }

  Napi::Value warp(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return warper_.warp(info); });
  }

  Napi::Value decodeJpegs(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return jpegDecoder_.decode(info); });
  }

  Napi::Value cropJpegs(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return jpegDecoder_.crop(info); });
  }

  Napi::Value clusterRows(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return cluster(info, worker_); });
  }

  Napi::Value clusterDense(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return clusterByDensity(info, worker_); });
  }

  Napi::Value triplets(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return mineTriplets(info, worker_); });
  }

  Napi::Value loss(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return tripletLoss(info, worker_); });
  }

  Napi::Value lossOfEmbeddings(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return embeddingLoss(info, worker_); });
  }

  PromiseWorker worker_;
  Warper warper_;
  JpegDecoder jpegDecoder_;
  Napi::FunctionReference modelClass_, trainerClass_;
};

NODE_API_NAMED_ADDON(facenet, FacenetAddon)

}  // namespace facenet::binding
