// client/retry.h: the time of the client's state machines, which are told it by their caller.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace duet {

using SteadyTime = std::chrono::steady_clock::time_point;

// The earlier of two moments, of which either may be none.
inline std::optional<SteadyTime> earlier(std::optional<SteadyTime> one, std::optional<SteadyTime> other) {
  if (!one || !other) return one ? one : other;
  return std::min(*one, *other);
}

// Doubles from `first` to `max`.
class Delay {
 public:
  Delay(std::chrono::milliseconds first, std::chrono::milliseconds max) : next_(first), max_(max) {}

  std::chrono::milliseconds next() {
    const auto delay = next_;
    next_ = std::min(next_ * 2, max_);
    return delay;
  }

 private:
  std::chrono::milliseconds next_;
  std::chrono::milliseconds max_;
};

// For what the broker or the store refused for now.
constexpr std::chrono::milliseconds kFirstRetry{1'000};
constexpr std::chrono::milliseconds kMaxRetry{30'000};

}  // namespace duet
