#include "tests/support/bystanders.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace duet {
namespace {

// Each of the two: 100 messages a second together.
constexpr std::chrono::milliseconds kTalkInterval{20};

}  // namespace

Bystanders::Bystanders(const TestPlatform& platform, const std::string& name, Entrance entrance)
    : load_(platform, {.pairs = 1,
                       .interval = kTalkInterval,
                       .name = name,
                       .entrance = entrance,
                       .on_confirmed = [this](auto published) { note(published); }}) {}

void Bystanders::note(Chatter::Clock::time_point published) {
  const auto latency = Chatter::Clock::now() - published;
  const std::lock_guard lock(mutex_);
  latencies_.push_back(latency);
}

std::size_t Bystanders::confirmed() const {
  const std::lock_guard lock(mutex_);
  return latencies_.size();
}

std::vector<Bystanders::Duration> Bystanders::take() {
  std::vector<Duration> taken;
  {
    const std::lock_guard lock(mutex_);
    taken = std::exchange(latencies_, {});
  }
  std::ranges::sort(taken);
  return taken;
}

Bystanders::Duration percentile(const std::vector<Bystanders::Duration>& ascending, double percent) {
  const auto rank =
      static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(ascending.size())));
  return ascending.at(std::max<std::size_t>(rank, 1) - 1);
}

}  // namespace duet
