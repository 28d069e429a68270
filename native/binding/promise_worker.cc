#include "native/binding/promise_worker.h"

#include "native/binding/errors.h"

namespace facenet::binding {

struct PromiseWorker::Job {
  explicit Job(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}

  void run() {
    try {
      arrays.begin();
      resolve = work();
    } catch (...) {
      error = std::current_exception();
    }
    // Frees what only the work needed, off the JavaScript thread.
    work = nullptr;
    arrays.releaseInputs();
  }

  void settle(Napi::Env env) {
    if (!error) {
      try {
        arrays.copyBack();
        deferred.Resolve(resolve ? resolve(env) : env.Undefined());
        return;
      } catch (...) {
        error = std::current_exception();
      }
    }
    deferred.Reject(toJsError(env, error).Value());
  }

  Napi::Promise::Deferred deferred;
  Arrays arrays;
  Work work;
  Resolve resolve;
  std::exception_ptr error;
};

PromiseWorker::PromiseWorker(Napi::Env env) : env_(env) {}
PromiseWorker::~PromiseWorker() {
  stop();
}

Napi::Promise PromiseWorker::post(Arrays arrays, Work work) {
  FACENET_ASSERT(!stopping_);
  auto job = std::make_unique<Job>(env_);
  job->arrays = std::move(arrays);
  job->work = std::move(work);
  const Napi::Promise promise = job->deferred.Promise();

  if (!thread_.joinable()) start();
  if (pending_++ == 0) wake_.Ref(env_);  // open promises keep the event loop alive, an idle worker does not
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  posted_.notify_one();
  return promise;
}

void PromiseWorker::start() {
  wake_ = Wake::New(env_, "facenet", 0, 1, this);
  wake_.Unref(env_);
  // Hooks run last in, first out: the thread is joined before Node takes the thread-safe function down.
  env_.AddCleanupHook([](PromiseWorker* worker) { worker->stop(); }, this);
  thread_ = std::thread([this] { loop(); });
}

void PromiseWorker::loop() {
  for (;;) {
    std::unique_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      posted_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
      current_ = job.get();
    }
    job->run();
    {
      const std::lock_guard lock(mutex_);
      current_ = nullptr;
      finished_.push_back(std::move(job));
      if (stopping_) return;
    }
    wake_.NonBlockingCall();
  }
}

void PromiseWorker::onWake(Napi::Env env, Napi::Function, PromiseWorker* worker, void*) {
  if (env) worker->settleFinished();  // without env, Node is discarding calls that came too late
}

void PromiseWorker::settleFinished() {
  std::vector<std::unique_ptr<Job>> finished;
  {
    const std::lock_guard lock(mutex_);
    finished.swap(finished_);
  }
  pending_ -= finished.size();
  if (!finished.empty() && pending_ == 0) wake_.Unref(env_);
  for (const auto& job : finished) {
    const Napi::HandleScope scope(env_);
    job->settle(env_);
  }
}

// Leaves the jobs that did not settle to be freed here, while references can still be deleted.
void PromiseWorker::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (current_) current_->arrays.stop();
  }
  posted_.notify_one();
  thread_.join();
  waiting_.clear();
  finished_.clear();
}

}  // namespace facenet::binding
