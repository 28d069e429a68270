#include "native/core/thread_pool.h"

#include <system_error>

#include "native/core/error.h"

#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace facenet {

void yieldToEventLoop() {
#if defined(__linux__)
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 10);
#endif
}

ThreadPool::ThreadPool(int threads) {
  threads_.reserve(static_cast<size_t>(threads));
  try {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this, i] { loop(i); });
  } catch (const std::system_error& error) {
    // Those that there are wait on what is destroyed with this object.
    const size_t made = threads_.size();
    stop();
    throw Error(ErrorCode::internal,
                text("Only ", made, " of ", threads, " threads could be made (", error.what(),
                     "): ask for fewer threads, or raise the limit of the process"),
                "threads");
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(int64_t items, const std::function<void(int64_t, int)>& work) {
  const std::lock_guard job(jobMutex_);
  std::unique_lock lock(mutex_);
  work_ = &work;
  next_ = 0;
  items_ = items;
  failure_ = nullptr;
  wake_.notify_all();
  done_.wait(lock, [this] { return next_ >= items_ && busy_ == 0; });
  work_ = nullptr;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::loop(int thread) {
  yieldToEventLoop();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || (work_ && next_ < items_); });
    if (stopping_) return;
    const int64_t item = next_++;
    const auto* work = work_;
    ++busy_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      (*work)(item, thread);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    --busy_;
    if (failure) {
      if (!failure_) failure_ = failure;
      next_ = items_;
    }
    if (next_ >= items_ && busy_ == 0) done_.notify_all();
  }
}

}  // namespace facenet
