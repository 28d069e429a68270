// Streams, events and graphs of the host's CUDA runtime. A stream is a queue: what is put on it is worked off
// when somebody waits for it (Order::forward), at once (reverse), or at any time between (shuffled). So results
// that are read, or memory that is written again, without waiting show as wrong values in one of the orders.
// The null stream runs its work at once and reports its failure to the caller.
//
// What this cannot show: work of two streams that really overlaps in time, and so races inside one moment;
// caches and their flushes; the time anything takes.
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include "include/cuda_runtime.h"
#include "runtime.h"

using emulator::call;
using emulator::options;
using emulator::Order;
using emulator::refuse;
using emulator::text;
using emulator::Work;

struct EmulatedGraph {
  std::vector<Work> nodes;
};
struct EmulatedGraphExec {
  std::shared_ptr<const EmulatedGraph> graph;
};

struct EmulatedStream {
  int number, device;
  bool blocking;
  std::deque<Work> waiting;
  int64_t taken = 0, done = 0;  // pieces of work
  // While it is captured:
  std::unique_ptr<EmulatedGraph> capture;
  bool spoilt = false;
  std::thread::id capturer;
};

// The stream's work up to `ticket`. A stream that is gone has finished.
struct EmulatedEvent {
  std::weak_ptr<EmulatedStream> stream;
  int64_t ticket = 0;
};

namespace {

std::map<cudaStream_t, std::shared_ptr<EmulatedStream>>& streams() {
  static auto* all = new std::map<cudaStream_t, std::shared_ptr<EmulatedStream>>;
  return *all;
}

// A failure on a stream loses the device.
cudaError_t drain(EmulatedStream& stream, int64_t ticket) {
  while (stream.done < ticket && emulator::lostTo() == cudaSuccess) {
    const Work work = std::move(stream.waiting.front());
    stream.waiting.pop_front();
    ++stream.done;
    const cudaError_t status = work();
    if (status != cudaSuccess) emulator::lostTo() = status;
  }
  return emulator::lostTo();
}

cudaError_t drain(EmulatedStream& stream) {
  return drain(stream, stream.taken);
}

// Lets streams go on by themselves for a while.
void wander() {
  static auto* random = new std::mt19937_64(options().seed);
  while (!streams().empty() && (*random)() % 3 != 0) {
    const auto chosen = std::next(streams().begin(), static_cast<long>((*random)() % streams().size()));
    const auto stream = chosen->second;
    if (stream->done < stream->taken) drain(*stream, stream->done + 1);
  }
}

void put(EmulatedStream& stream, Work work) {
  stream.waiting.push_back(std::move(work));
  ++stream.taken;
  if (options().order == Order::reverse) drain(stream);
  if (options().order == Order::shuffled) wander();
}

EmulatedStream* capturedHere() {
  for (const auto& [handle, stream] : streams())
    if (stream->capture && stream->capturer == std::this_thread::get_id()) return handle;
  return nullptr;
}

cudaError_t waitForEvent(const EmulatedEvent& event) {
  const auto stream = event.stream.lock();
  return stream ? drain(*stream, event.ticket) : cudaSuccess;
}

}  // namespace

namespace emulator {

bool spoilsCapture() {
  EmulatedStream* stream = capturedHere();
  if (!stream) return false;
  stream->spoilt = true;
  return refuse(cudaErrorStreamCaptureUnsupported, "not permitted while a stream is captured") != cudaSuccess;
}

cudaError_t drainDevice() {
  for (const auto& [handle, stream] : streams())
    if (stream->device == currentDevice()) drain(*stream);
  return lostTo();
}

cudaError_t drainBlocking() {
  for (const auto& [handle, stream] : streams())
    if (stream->blocking && stream->device == currentDevice()) drain(*stream);
  return lostTo();
}

cudaError_t enqueue(const std::string& what, Work work, cudaStream_t stream) {
  if (stream && stream->capture) {
    trace(text("captured ", what));
    stream->capture->nodes.push_back(std::move(work));
    return cudaSuccess;
  }
  trace(text("stream ", stream ? stream->number : 0, " ", what));
  if (stream) {
    if (stream->device != currentDevice()) return refuse(cudaErrorInvalidValue, "a stream of another device");
    put(*stream, std::move(work));
    return lostTo();
  }
  if (spoilsCapture()) return cudaErrorStreamCaptureUnsupported;
  const cudaError_t drained = drainBlocking();
  return drained == cudaSuccess ? work() : drained;
}

cudaError_t enqueue(const Launch& launch, std::function<void(Launch)> run, cudaStream_t stream) {
  return call([&] {
    const cudaError_t possible = checkLaunch(launch);
    if (possible != cudaSuccess) return possible;
    Launch here = launch;
    here.device = currentDevice();
    const auto work = [here, run] {
      if (options().failedLaunches > 0) {
        --options().failedLaunches;
        return cudaErrorLaunchFailure;
      }
      run(here);
      return block.report.empty() ? cudaSuccess : cudaErrorLaunchFailure;
    };
    return enqueue(text("launch ", emulator::kernelName(launch)), work, stream);
  });
}

}  // namespace emulator

cudaError_t cudaDeviceSynchronize() {
  return call(
      [] { return emulator::spoilsCapture() ? cudaErrorStreamCaptureUnsupported : emulator::drainDevice(); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call([&] {
    static int number = 0;
    auto made = std::make_shared<EmulatedStream>();
    made->number = ++number;
    made->device = emulator::currentDevice();
    made->blocking = flags != cudaStreamNonBlocking;
    *stream = made.get();
    streams()[made.get()] = std::move(made);
    return cudaSuccess;
  });
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, 0);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call([&] {
    const cudaError_t drained = drain(*stream);
    streams().erase(stream);
    return drained;
  });
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call([&] {
    if (emulator::spoilsCapture()) return cudaErrorStreamCaptureUnsupported;
    emulator::trace(text("wait for stream ", stream ? stream->number : 0));
    return stream ? drain(*stream) : emulator::drainBlocking();
  });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return call([&] {
    const auto work = [recorded = *event] { return waitForEvent(recorded); };
    return emulator::enqueue("waits for an event", work, stream);
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new EmulatedEvent;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, 0);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::lock_guard lock(emulator::runtimeMutex());
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call([&] {
    if (stream && stream->capture) return refuse(cudaErrorNotSupported, "an event in a captured stream");
    *event = stream ? EmulatedEvent{streams()[stream], stream->taken} : EmulatedEvent{};
    return cudaSuccess;
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call([&] {
    if (emulator::spoilsCapture()) return cudaErrorStreamCaptureUnsupported;
    emulator::trace("wait for an event");
    return waitForEvent(*event);
  });
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call([&] {
    const auto stream = event->stream.lock();
    return stream && stream->done < event->ticket ? cudaErrorNotReady : cudaSuccess;
  });
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 0;  // the emulator has no notion of time
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  return call([&] {
    if (!options().graphs) return refuse(cudaErrorNotSupported, "this device captures no streams");
    if (!stream || stream->capture) return refuse(cudaErrorInvalidValue, "a stream that cannot be captured");
    stream->capture = std::make_unique<EmulatedGraph>();
    stream->spoilt = false;
    stream->capturer = std::this_thread::get_id();
    return cudaSuccess;
  });
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return call([&] {
    *graph = nullptr;
    if (!stream || !stream->capture) return refuse(cudaErrorInvalidValue, "a stream that is not captured");
    const std::unique_ptr<EmulatedGraph> captured = std::move(stream->capture);
    if (stream->spoilt) return refuse(cudaErrorStreamCaptureInvalidated, "the capture was spoilt");
    *graph = new EmulatedGraph(*captured);
    return cudaSuccess;
  });
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  return call([&] {
    emulator::trace(text("instantiate a graph of ", graph->nodes.size()));
    *exec = new EmulatedGraphExec{std::make_shared<const EmulatedGraph>(*graph)};
    return cudaSuccess;
  });
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  return call([&] {
    const auto work = [graph = exec->graph] {
      for (const Work& node : graph->nodes) {
        const cudaError_t status = node();
        if (status != cudaSuccess) return status;
      }
      return cudaSuccess;
    };
    return emulator::enqueue("launch a graph", work, stream);
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}
