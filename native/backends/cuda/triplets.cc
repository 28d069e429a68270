#include "native/backends/cuda/triplets.h"

#include <algorithm>
#include <numeric>

#include "native/backends/cuda/triplet_loss_run.h"
#include "native/backends/cuda/triplet_miner.h"

namespace facenet::cuda {
namespace {

// Of a piece of the anchors: its pairs, and triplets that are listed at once.
constexpr int64_t kPairsAPiece = int64_t{1} << 24, kListedAtOnce = int64_t{1} << 26;
constexpr int64_t kAnchorsAPiece = int64_t{1} << 20;

// Work goes onto the null stream, as copies do.
template <class T>
std::vector<T> download(const T* from, int64_t count) {
  std::vector<T> values(static_cast<size_t>(count));
  FACENET_CUDA_CHECK(cudaMemcpy(values.data(), from, values.size() * sizeof(T), cudaMemcpyDeviceToHost));
  return values;
}

// Triplets in the order of places, and how many each place has.
struct PlacedTriplets {
  Triplets triplets;
  std::vector<int64_t> counts;

  // In the order of the anchors' rows.
  Triplets byRow(const LabelOrder& order) const {
    std::vector<int64_t> first(counts.size());
    for (size_t place = 1; place < counts.size(); ++place)
      first[place] = first[place - 1] + counts[place - 1];
    Triplets result;
    for (const auto list : {&Triplets::anchors, &Triplets::positives, &Triplets::negatives}) {
      (result.*list).reserve((triplets.*list).size());
      for (int64_t row = 0; row < order.n; ++row) {
        const auto place = static_cast<size_t>(order.places()[row]);
        const auto begin = (triplets.*list).begin() + first[place];
        (result.*list).insert((result.*list).end(), begin, begin + counts[place]);
      }
    }
    return result;
  }
};

class HostMining {
 public:
  HostMining(const Device& device, const float* x, const int32_t* labels, int64_t n,
             const TripletMining& mining)
      : mining_(mining), miner_(device.multiprocessors), x_(n * mining.dimensions) {
    x_.copyFrom(x);
    miner_.setBatch(x_.data(), labels, n, mining, nullptr);
  }

  Triplets run() {
    if (miner_.isEmpty()) return {};
    const LabelOrder& order = miner_.order();
    placed_.counts.resize(static_cast<size_t>(order.n));
    for (int64_t first = 0, count; first < order.n; first += count) {
      count = pieceAt(first);
      mining_.strategy == TripletMining::Strategy::all ? addAll(first, count) : addMined(first, count);
    }
    return placed_.byRow(order);
  }

 private:
  int64_t pieceAt(int64_t first) const {
    const LabelOrder& order = miner_.order();
    const auto& firsts = order.firstPairs;
    const auto begin = firsts.begin() + first;
    const int64_t most = std::min(order.n - first, kAnchorsAPiece);
    const auto end = std::upper_bound(begin, begin + most + 1, *begin + kPairsAPiece);
    return std::max<int64_t>(end - begin - 1, 1);
  }

  void addMined(int64_t first, int64_t count) {
    const TripletMiner::Slots slots = miner_.mine(first, count, nullptr);
    const auto keys = download(slots.negatives, slots.count);
    const auto anchors = download(slots.anchors, slots.count);
    const auto positives = download(slots.positives, slots.count);
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == kNoKey) continue;
      placed_.triplets.add(anchors[i], positives[i], static_cast<int32_t>(keys[i] & 0xffffffffu));
      ++placed_.counts[static_cast<size_t>(miner_.order().places()[anchors[i]])];
    }
    checkTripletCount(placed_.triplets.size());
  }

  // Lists are made for as many anchors at once as kListedAtOnce holds.
  struct Listed {
    int64_t first, count = 0, triplets = 0;
  };

  void addAll(int64_t first, int64_t count) {
    const TripletMiner::Counts counted = miner_.countAll(first, count, nullptr, nullptr);
    checkTripletCount(placed_.triplets.size() + counted.total);
    const std::vector<int32_t> counts = download(counted.counts, counted.pairs);
    std::vector<unsigned long long> starts;  // of each pair, among those listed with it
    std::vector<Listed> lists;
    int64_t most = 0;
    auto next = counts.begin();
    for (int64_t place = first; place < first + count; ++place) {
      const auto end = next + miner_.order().pairsOf(place, 1);
      const int64_t triplets = std::accumulate(next, end, int64_t{0});
      if (lists.empty() || lists.back().triplets + triplets > kListedAtOnce) lists.push_back({place});
      Listed& list = lists.back();
      addPairs(place, next);
      for (; next < end; ++next) {
        starts.push_back(static_cast<unsigned long long>(list.triplets));
        list.triplets += *next;
      }
      ++list.count;
      most = std::max(most, list.triplets);
    }
    DeviceBuffer<unsigned long long> ends(counted.pairs);
    ends.copyFrom(starts.data());
    DeviceBuffer<int32_t> negatives(most);
    for (const Listed& list : lists) {
      mining_.throwIfCancelled();
      Anchors anchors = counted.anchors;
      anchors.first = list.first, anchors.count = list.count;
      listAll(anchors, counted.distances, mining_.margin, ends.data(), negatives.data(), nullptr);
      const auto rows = download(negatives.data(), list.triplets);
      auto& all = placed_.triplets.negatives;
      all.insert(all.end(), rows.begin(), rows.end());
    }
  }

  // The anchor and positives of a place's triplets, of which each pair has a number.
  void addPairs(int64_t place, std::vector<int32_t>::const_iterator count) {
    const LabelOrder& order = miner_.order();
    auto& [anchors, positives, negatives] = placed_.triplets;
    for (int64_t other = order.begins()[place]; other < order.ends()[place]; ++other) {
      if (other == place) continue;
      anchors.insert(anchors.end(), static_cast<size_t>(*count), order.rows()[place]);
      positives.insert(positives.end(), static_cast<size_t>(*count), order.rows()[other]);
      placed_.counts[static_cast<size_t>(place)] += *count++;
    }
  }

  const TripletMining& mining_;
  TripletMiner miner_;
  DeviceBuffer<float> x_;
  PlacedTriplets placed_;
};

}  // namespace

Triplets mineHostTriplets(const Device& device, const float* x, const int32_t* labels, int64_t n,
                          const TripletMining& mining) {
  mining.throwIfCancelled();
  useDevice(device);
  return HostMining(device, x, labels, n, mining).run();
}

LossValue tripletHostLoss(const Device& device, const float* x, int64_t n, const TripletsView& triplets,
                          const TripletLoss& loss, float* gradient) {
  useDevice(device);
  loss.throwIfCancelled();
  DeviceBuffer<float> rows(n * loss.dimensions), gradients(n * loss.dimensions);
  rows.copyFrom(x);
  TripletLossRun run;
  const TripletSums sums =
      run.run({rows.data(), n, loss.dimensions}, triplets, loss, false, gradients.data(), nullptr);
  gradients.copyTo(gradient);
  return {run.lossInOrder(triplets.count, loss), static_cast<int64_t>(sums.active)};
}

}  // namespace facenet::cuda
