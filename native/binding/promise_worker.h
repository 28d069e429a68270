// Runs native work off the JavaScript thread and settles promises with it: one thread an environment, jobs in
// the order in which they were posted. Work may use more threads of its own (the executor does).
//
// The thread ends with the environment: the cleanup hook cancels the job at hand, drops those that wait and
// joins, so a terminated worker thread or a process.exit() in the middle of work leaves nothing behind that
// could call into a dead environment. Promises of such jobs stay pending, as nobody is left to see them.
#pragma once

#include <napi.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "native/binding/arrays.h"

namespace facenet::binding {

class PromiseWorker {
 public:
  // Makes what the promise resolves with; runs on the JavaScript thread.
  using Resolve = std::function<Napi::Value(Napi::Env)>;
  // Runs on the worker's thread and may throw. An empty Resolve stands for undefined.
  using Work = std::function<Resolve()>;

  explicit PromiseWorker(Napi::Env env);
  ~PromiseWorker();
  PromiseWorker(const PromiseWorker&) = delete;
  PromiseWorker& operator=(const PromiseWorker&) = delete;

  // `arrays`: what the work reads and writes. Outputs are handed to JavaScript once it has succeeded. Where there is a
  // flag among them, work that was cancelled while it waited does not begin, and the flag is set when the environment
  // ends, to stop the work early.
  Napi::Promise post(Arrays arrays, Work work);

 private:
  struct Job;
  static void onWake(Napi::Env env, Napi::Function, PromiseWorker* worker, void*);
  using Wake = Napi::TypedThreadSafeFunction<PromiseWorker, void, &PromiseWorker::onWake>;

  void start();
  void stop();
  void loop();
  void settleFinished();

  Napi::Env env_;
  Wake wake_;
  std::thread thread_;
  size_t pending_ = 0;  // jobs whose promise is open; JavaScript thread only

  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::unique_ptr<Job>> waiting_;
  std::vector<std::unique_ptr<Job>> finished_;
  Job* current_ = nullptr;
  bool stopping_ = false;
};

}  // namespace facenet::binding
