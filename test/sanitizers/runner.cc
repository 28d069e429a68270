// What threads share, for ThreadSanitizer and LeakSanitizer, which Node itself cannot be run under: the thread pool, teams, and JPEGs that are
// decoded on several threads. Ends with 1 where a result is wrong; the sanitizers end it with theirs.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

#include "native/core/cancel.h"
#include "native/core/team.h"
#include "native/core/thread_pool.h"
#include "native/images/jpeg.h"

using namespace facenet;

namespace {

int failures = 0;
void expect(bool right, const char* what) {
  if (right) return;
  std::printf("wrong: %s\n", what);
  ++failures;
}

void poolSharesItems() {
  ThreadPool pool(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> made(997, 0);
    pool.run(997, [&](int64_t item, int) { made[item] = item * round; });
    int64_t sum = 0;
    for (int64_t value : made) sum += value;
    expect(sum == int64_t{996} * 997 / 2 * round, "sums of a pool");
  }
}

void poolServesManyCallers() {
  ThreadPool pool(3);
  std::atomic<int64_t> total = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) pool.run(64, [&](int64_t, int) { total.fetch_add(1); });
    });
  for (std::thread& caller : callers) caller.join();
  expect(total == 4 * 50 * 64, "items of several callers");
}

void poolRethrows() {
  ThreadPool pool(4);
  for (int round = 0; round < 100; ++round) {
    bool thrown = false;
    try {
      pool.run(64, [&](int64_t item, int) {
        if (item == round % 64) throw Error(ErrorCode::aborted, "enough");
      });
    } catch (const Error&) {
      thrown = true;
    }
    expect(thrown, "an exception of an item");
  }
}

void poolsComeAndGo() {
  for (int round = 0; round < 100; ++round) {
    ThreadPool pool(1 + round % 5);
    std::atomic<int> count = 0;
    if (round % 2) pool.run(8, [&](int64_t, int) { ++count; });
    expect(count == (round % 2 ? 8 : 0), "items of a short-lived pool");
  }
}

void teamsShareStages() {
  constexpr int size = 4, stages = 50, items = 97;
  for (int round = 0; round < 20; ++round) {
    ThreadPool pool(size);
    Team team(size);
    std::vector<int64_t> values(items, 1);
    pool.run(size, [&](int64_t, int) {
      for (int stage = 0; stage < stages; ++stage)
        team.share(items, [&](int64_t item) { values[item] += stage; });
    });
    bool right = true;
    for (int64_t value : values) right = right && value == 1 + stages * (stages - 1) / 2;
    expect(right, "stages of a team");
  }
}

void jpegsOnSeveralThreads(const std::vector<uint8_t>& bytes, int64_t width, int64_t height) {
  const JpegFile file{bytes.data(), bytes.size(), width, height, 1, 1};
  const JpegRegion all{0, 0, width, height};
  const size_t length = static_cast<size_t>(width * height * 3);
  std::vector<uint8_t> expected(length), rows;
  expect(decodeJpeg(file, all, expected.data(), rows, nullptr), "a whole JPEG");
  ThreadPool pool(4);
  std::vector<std::vector<uint8_t>> kept(4), out(32, std::vector<uint8_t>(length));
  pool.run(32,
           [&](int64_t item, int thread) { decodeJpeg(file, all, out[item].data(), kept[thread], nullptr); });
  for (const auto& pixels : out) expect(pixels == expected, "a JPEG on another thread");
  // Cut short at each place: memory that a failed decoder holds is freed.
  for (size_t end = 0; end < bytes.size(); end += 1 + bytes.size() / 200) {
    const JpegFile cut{bytes.data(), end, width, height, 1, 1};
    decodeJpeg(cut, all, out[0].data(), rows, nullptr);
  }
  std::atomic<int32_t> cancel = 1;
  try {
    decodeJpeg(file, all, out[0].data(), rows, &cancel);
    expect(false, "an abort of a JPEG");
  } catch (const Error&) {
  }
}

}  // namespace

// The second argument and the third are the width and the height of the JPEG file that the first names.
int main(int, char** arguments) {
  poolSharesItems();
  poolServesManyCallers();
  poolRethrows();
  poolsComeAndGo();
  teamsShareStages();
  std::ifstream stream(arguments[1], std::ios::binary);
  const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(stream), {}};
  jpegsOnSeveralThreads(bytes, std::atoi(arguments[2]), std::atoi(arguments[3]));
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
