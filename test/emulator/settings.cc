// Options from the environment, so that tests of the addon can choose the machine they run on.
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "emulator.h"

namespace emulator {
namespace {

std::vector<Capability> readDevices(const std::string& list) {
  std::vector<Capability> devices;
  std::istringstream stream(list);
  char dot;
  for (std::string item; std::getline(stream, item, ',');) {
    std::istringstream fields(item);
    Capability capability{};
    fields >> capability.major >> dot >> capability.minor;
    devices.push_back(capability);
  }
  return devices;
}

void readSetting(Options& into, const std::string& key, const std::string& value) {
  const auto number = [&] { return std::strtoll(value.c_str(), nullptr, 10); };
  if (key == "order")
    into.order = value == "reverse" ? Order::reverse : value == "shuffled" ? Order::shuffled : Order::forward;
  else if (key == "seed")
    into.seed = static_cast<uint64_t>(number());
  else if (key == "tensor-cores")
    into.tensorCores = tensorCoresNamed(value);
  else if (key == "driver")
    into.driver = static_cast<int>(number());
  else if (key == "devices")
    into.devices = readDevices(value);
  else if (key == "multiprocessors")
    into.multiprocessors = static_cast<int>(number());
  else if (key == "memory")
    into.deviceBytes = number();
  else if (key == "graphs")
    into.graphs = number() != 0;
  else if (key == "failed-allocations")
    into.failedAllocations = static_cast<int>(number());
  else if (key == "failed-launches")
    into.failedLaunches = static_cast<int>(number());
  else if (key == "trace")
    into.trace = value;
  else
    std::fprintf(stderr, "FACENET_EMULATOR has no setting %s\n", key.c_str()), std::abort();
}

}  // namespace

void readSettings() {
  static std::string last;
  const char* variable = std::getenv("FACENET_EMULATOR");
  const std::string now = variable ? variable : "";
  if (now == last) return;
  last = now;
  Options settings;
  std::istringstream stream(now);
  for (std::string item; stream >> item;) {
    const size_t equals = item.find('=');
    readSetting(settings, item.substr(0, equals), equals == std::string::npos ? "" : item.substr(equals + 1));
  }
  options() = settings;
}

}  // namespace emulator
