#include "native/binding/promise_worker.h"

#include <system_error>

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

PromiseWorker::PromiseWorker(Napi::Env env, int threads) : env_(env), most_(static_cast<size_t>(threads)) {}
PromiseWorker::~PromiseWorker() {
  stop();
}

Napi::Promise PromiseWorker::post(Arrays arrays, Work work) {
  FACENET_ASSERT(!stopping_);
  auto job = std::make_unique<Job>(env_);
  job->arrays = std::move(arrays);
  job->work = std::move(work);
  const Napi::Promise promise = job->deferred.Promise();

  if (threads_.empty()) start();
  if (pending_++ == 0) wake_.Ref(env_);  // open promises keep the event loop alive, an idle worker does not
  bool busy = false;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
    busy = current_.size() + waiting_.size() > threads_.size();
  }
  if (busy && threads_.size() < most_) addThread();
  posted_.notify_one();
  return promise;
}

void PromiseWorker::start() {
  wake_ = Wake::New(env_, "facenet", 0, 1, this);
  wake_.Unref(env_);
  // Hooks run last in, first out: the threads are joined before Node takes the thread-safe function down.
  env_.AddCleanupHook([](PromiseWorker* worker) { worker->stop(); }, this);
  threads_.reserve(most_);
  threads_.emplace_back([this] { loop(); });
}

// Where the system gives no more threads, those that there are do the work.
void PromiseWorker::addThread() {
  try {
    threads_.emplace_back([this] { loop(); });
  } catch (const std::system_error&) {
    most_ = threads_.size();
  }
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
      current_.push_back(job.get());
    }
    job->run();
    {
      const std::lock_guard lock(mutex_);
      std::erase(current_, job.get());
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
  if (threads_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Job* const job : current_) job->arrays.stop();
  }
  posted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  waiting_.clear();
  finished_.clear();
}

}  // namespace facenet::binding
