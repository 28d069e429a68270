// How the accesses of a warp fall on the 32 banks of shared memory and the 32-byte sectors of global memory.
//
// A warp's 16-byte accesses to shared memory go in four passes of eight lanes, 8-byte ones in two, smaller
// ones in one. In a pass each bank, four bytes wide, serves one word; more words of one bank take more
// phases.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "memory.h"

namespace emulator {
namespace {

constexpr size_t kBanks = 32, kBankBytes = 4, kSectorBytes = 32;

struct Group {
  bool shared = false;
  size_t bytes = 0;
  unsigned lanes = 0;  // bit set
  std::array<uintptr_t, kWarp> addresses{};
};
using Key = std::tuple<unsigned, const void*, unsigned>;  // warp, instruction, how often before
std::map<Key, Group> groups;
std::unordered_map<const void*, std::array<unsigned, kMaxThreads>> occurrences;

void countShared(const Group& group) {
  const size_t lanesAPass = group.bytes <= kBankBytes ? kWarp : kWarp * kBankBytes / group.bytes;
  for (size_t first = 0; first < kWarp; first += lanesAPass) {
    std::vector<uintptr_t> addresses;
    for (size_t lane = first; lane < first + lanesAPass; ++lane)
      if (group.lanes >> lane & 1) addresses.push_back(group.addresses[lane]);
    countSharedPass(addresses.data(), addresses.size(), group.bytes);
  }
}

void countGlobal(const Group& group) {
  std::set<uintptr_t> sectors, bytes;
  for (size_t lane = 0; lane < kWarp; ++lane) {
    if (!(group.lanes >> lane & 1)) continue;
    const uintptr_t address = group.addresses[lane];
    for (uintptr_t byte = address; byte < address + group.bytes; ++byte) bytes.insert(byte);
    for (uintptr_t sector = address / kSectorBytes; sector <= (address + group.bytes - 1) / kSectorBytes;
         ++sector)
      sectors.insert(sector);
  }
  counters().globalSectors += static_cast<int64_t>(sectors.size());
  counters().globalSectorsIdeal += static_cast<int64_t>((bytes.size() + kSectorBytes - 1) / kSectorBytes);
}

void count(const Group& group) {
  group.shared ? countShared(group) : countGlobal(group);
}

}  // namespace

void countSharedPass(const uintptr_t* addresses, size_t count, size_t bytes) {
  if (count == 0) return;
  std::array<std::set<uintptr_t>, kBanks> words;
  for (size_t i = 0; i < count; ++i)
    for (uintptr_t word = addresses[i] / kBankBytes; word <= (addresses[i] + bytes - 1) / kBankBytes; ++word)
      words[word % kBanks].insert(word);
  size_t phases = 0;
  for (const auto& bank : words) phases = std::max(phases, bank.size());
  counters().sharedPhases += static_cast<int64_t>(phases);
  counters().sharedPhasesIdeal += 1;
}

void recordTransaction(const void* pointer, size_t bytes, bool shared, const void* place) {
  const Thread& self = *block.current;
  const unsigned before = occurrences[place][self.linear]++;
  const Key key{self.warp(), place, before};
  Group& group = groups[key];
  group.shared = shared;
  group.bytes = bytes;
  group.addresses[self.lane()] = reinterpret_cast<uintptr_t>(pointer);
  group.lanes |= 1u << self.lane();
  if (group.lanes != ~0u) return;
  count(group);
  groups.erase(key);
}

void finishTransactions() {
  for (const auto& [key, group] : groups) count(group);
  groups.clear();
  occurrences.clear();
}

}  // namespace emulator
