#include "block.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include "memory.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulator {

Block block;
thread_local bool runsBlock = false;

namespace {

Fiber scheduler;
std::string report;

// The built-in variables are plain ones, set when a thread gets its turn.
void giveTurn(Thread& thread) {
  block.current = &thread;
  threadIdx = thread.index;
  switchFiber(scheduler, thread.fiber);
  block.current = nullptr;
}

void yield() {
  Thread* self = block.current;
  switchFiber(self->fiber, scheduler);
}

void threadMain() {
  block.launch->thread(block.launch->arguments);
  block.current->state = Thread::State::done;
  yield();
}

bool isDone(const Thread& thread) {
  return thread.state == Thread::State::done;
}

// "threads 0-15, 32" from a sorted list.
std::string ranges(const std::vector<unsigned>& numbers) {
  std::string result = numbers.size() == 1 ? "thread " : "threads ";
  for (size_t first = 0, last; first < numbers.size(); first = last + 1) {
    last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    result += text(first == 0 ? "" : ", ", numbers[first]);
    if (last > first) result += text("-", numbers[last]);
  }
  return result;
}

// Where every thread of the block is, threads of one place together.
std::string whereabouts() {
  std::map<std::string, std::vector<unsigned>> places;
  for (const Thread& thread : block.threads)
    places[isDone(thread) ? "returned" : text("at ", thread.what, " (", text(thread.where), ")")].push_back(
        thread.linear);
  std::string result;
  for (const auto& [place, threads] : places)
    result += text(result.empty() ? "" : "; ", ranges(threads), " ", place);
  return result;
}

std::string blockName() {
  return text("kernel ", kernelName(*block.launch), ", block (", blockIdx.x, ", ", blockIdx.y, ", ",
              blockIdx.z, ")");
}

void reportStall() {
  const bool barrierOnly = std::ranges::all_of(block.threads, [](const Thread& thread) {
    return isDone(thread) || thread.state == Thread::State::atBarrier;
  });
  block.report =
      text(barrierOnly ? "divergent barrier" : "deadlock", " in ", blockName(), ": ", whereabouts());
}

bool samePlace(const Thread& a, const Thread& b) {
  return a.where.line() == b.where.line() && a.where.column() == b.where.column() && a.what == b.what &&
         std::string_view(a.where.file_name()) == b.where.file_name();
}

std::vector<size_t> turns(size_t count, std::mt19937_64& random) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  if (options().order == Order::reverse) std::ranges::reverse(order);
  if (options().order == Order::shuffled) std::ranges::shuffle(order, random);
  return order;
}

void startBlock(unsigned linear) {
  const dim3 &grid = block.launch->grid, &shape = block.launch->block;
  static char* const stacks = mapStacks(kMaxThreads, kStackBytes);
  blockDim = shape;
  gridDim = grid;
  blockIdx = {linear % grid.x, linear / grid.x % grid.y, linear / grid.x / grid.y};
  block.threads.assign(size_t{shape.x} * shape.y * shape.z, {});
  block.waiting = block.barriers = 0;
  block.warpBarriers.fill(0);
  for (unsigned i = 0; i < block.threads.size(); ++i) {
    Thread& thread = block.threads[i];
    thread.linear = i;
    thread.index = {i % shape.x, i / shape.x % shape.y, i / shape.x / shape.y};
    thread.stack = stacks + i * kStackBytes;
    prepare(thread.fiber, thread.stack, kStackBytes, threadMain);
  }
  startSharedMemory(block.launch->sharedBytes);
}

// Gives every thread turns until all have returned, one fails or none can go on.
void runBlock(std::mt19937_64& random) {
  for (bool progress = true; progress;) {
    progress = false;
    for (const size_t i : turns(block.threads.size(), random)) {
      Thread& thread = block.threads[i];
      if (thread.state != Thread::State::ready) continue;
      progress = true;
      giveTurn(thread);
      if (!block.report.empty()) return;
    }
  }
  if (!std::ranges::all_of(block.threads, isDone)) return reportStall();
  finishTransactions();
}

}  // namespace

Options& options() {
  static Options instance;
  return instance;
}

const std::string& lastReport() {
  return report;
}

std::string text(const Where& where) {
  const std::string_view file = where.file_name();
  return text(file.substr(file.rfind('/') + 1), ":", where.line());
}

std::string kernelName(const Launch& launch) {
  const std::string_view signature = launch.kernel;
  const size_t begin = signature.rfind("Kernel = ") + 9;
  return std::string(signature.substr(begin, signature.find_first_of(";]", begin) - begin));
}

void fail(const std::string& what) {
  const uint3& thread = block.current->index;
  block.report = text(what, " in ", blockName(), ", thread (", thread.x, ", ", thread.y, ", ", thread.z, ")");
  block.exchanging = false;
  for (;;) yield();
}

unsigned currentLane() {
  return block.current->lane();
}

void barrier(const char* what, Where where) {
  Thread& self = *block.current;
  self.state = Thread::State::atBarrier;
  self.what = what;
  self.where = where;
  if (++block.waiting < block.threads.size()) return yield();
  block.waiting = 0;
  for (Thread& thread : block.threads) {
    if (!samePlace(thread, self)) fail(text("divergent barrier (", whereabouts(), ")"));
    thread.state = Thread::State::ready;
  }
  ++block.barriers;
}

void meet(const char* what, unsigned mask, void* slot, Exchange exchange, Where where) {
  Thread& self = *block.current;
  const unsigned first = self.warp() * kWarp;
  self.state = Thread::State::atCollective;
  self.what = what;
  self.where = where;
  self.mask = mask;
  self.slot = slot;
  if (!(mask >> self.lane() & 1)) fail(text(what, " with a mask that leaves its own lane out"));
  std::array<void*, kWarp> slots{};
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    if (!(mask >> lane & 1)) continue;
    if (first + lane >= block.threads.size())
      fail(text(what, " names lane ", lane, ", which does not exist"));
    const Thread& other = block.threads[first + lane];
    if (other.state != Thread::State::atCollective || other.mask != mask) return yield();
    if (!samePlace(other, self)) fail(text("divergent warp collective (", whereabouts(), ")"));
    slots[lane] = other.slot;
  }
  block.exchanging = true;
  exchange(slots.data(), mask);
  block.exchanging = false;
  for (unsigned lane = 0; lane < kWarp; ++lane)
    if (mask >> lane & 1) block.threads[first + lane].state = Thread::State::ready;
}

void run(const Launch& launch) {
  block.launch = &launch;
  runsBlock = true;
  block.report.clear();
  std::mt19937_64 random(options().seed);
  for (const size_t linear : turns(size_t{launch.grid.x} * launch.grid.y * launch.grid.z, random)) {
    startBlock(static_cast<unsigned>(linear));
    runBlock(random);
    if (!block.report.empty()) break;
  }
  block.launch = nullptr;
  runsBlock = false;
  if (!block.report.empty()) report = block.report;
}

}  // namespace emulator
