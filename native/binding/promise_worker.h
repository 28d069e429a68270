// Runs native work off the JavaScript thread and settles promises with it. Jobs begin in the order in which they were
// posted; on one thread, as most workers have it, they also end so. Work may use more threads of its own (the executor does).
//
// The threads end with the environment: the cleanup hook cancels the jobs at hand, drops those that wait and
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
  // Runs on a thread of the worker's and may throw. An empty Resolve stands for undefined.
  using Work = std::function<Resolve()>;

  // At most so many threads, each made when a job finds the others at work.
  explicit PromiseWorker(Napi::Env env, int threads = 1);
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
  void addThread();
  void stop();
  void loop();
  void settleFinished();

  Napi::Env env_;
  size_t most_;  // threads
  Wake wake_;
  std::vector<std::thread> threads_;  // JavaScript thread only
  size_t pending_ = 0;                // jobs whose promise is open; JavaScript thread only

  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::unique_ptr<Job>> waiting_;
  std::vector<std::unique_ptr<Job>> finished_;
  std::vector<Job*> current_;
  bool stopping_ = false;
};

}  // namespace facenet::binding
