// tests/fault/recovery_clock.h: how long it took, after a blow, until a message went all the way again.
//
// Only messages that were published after the blow count: one that was on its way already proves nothing.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace duet {

// May be used from any thread.
class RecoveryClock {
 public:
  using Clock = std::chrono::steady_clock;

  // The blow falls now.
  void strike() {
    const std::lock_guard lock(mutex_);
    struck_at_ = Clock::now();
    recovered_at_.reset();
  }

  // A message that was (last) published at that time came back as `sent`.
  void confirmed(Clock::time_point published) {
    const std::lock_guard lock(mutex_);
    if (recovered_at_ || published < struck_at_) return;
    recovered_at_ = Clock::now();
    recovered_.notify_all();
  }

  // Waits for the first such message. Nullopt: none came.
  std::optional<std::chrono::milliseconds> wait(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!recovered_.wait_for(lock, patience, [this] { return recovered_at_.has_value(); })) {
      return std::nullopt;
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(*recovered_at_ - struck_at_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable recovered_;
  Clock::time_point struck_at_ = Clock::time_point::max();
  std::optional<Clock::time_point> recovered_at_;
};

}  // namespace duet
