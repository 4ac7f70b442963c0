// store_service/push_asks.h: where the push bridge's ask waits for something to answer it with.
//
// It holds one ask, the newest: one that comes takes the place of the one before (docs/protocol.md section
// 5). Whoever asked before asks again. Thread-safe; nobody waits here but in next().
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "protocol/push_payload.h"
#include "store_service/store.h"

namespace duet {

class PushAsks {
 public:
  void put(PushFeedAsk ask) {
    {
      const std::lock_guard lock(mutex_);
      ask_ = std::move(ask);
      ++number_;
      look_ = true;
    }
    changed_.notify_one();
  }

  // The writer's: something may have come that answers the ask.
  void committed() {
    {
      const std::lock_guard lock(mutex_);
      if (!ask_ || look_) return;
      look_ = true;
    }
    changed_.notify_one();
  }

  struct Waiting {
    PushFeedAsk ask;
    std::uint64_t number;
  };
  // Waits for an ask, or for a commit after which the one that waits is worth another look, and in any case
  // until `not_before`. Returns nullopt once `stop` is requested. One consumer.
  std::optional<Waiting> next(const std::stop_token& stop,
                              std::chrono::steady_clock::time_point not_before = {}) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return ask_ && look_; })) return std::nullopt;
    gathered_.wait_until(lock, stop, not_before, [] { return false; });
    if (stop.stop_requested()) return std::nullopt;
    look_ = false;
    return Waiting{*ask_, number_};
  }

  // The ask with this number waits no more; a newer one does.
  void done(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    if (number == number_) ask_.reset();
  }

  // Up to here the bridge has everything.
  void set_confirmed(LogNumber through) { confirmed_ = through; }
  LogNumber confirmed() const { return confirmed_; }

 private:
  std::mutex mutex_;
  // Guarded by mutex_.
  std::condition_variable_any changed_;
  std::condition_variable_any gathered_;  // never notified: for the wait until a time
  std::optional<PushFeedAsk> ask_;
  std::uint64_t number_ = 0;  // of the ask
  bool look_ = false;         // at it, since something has changed

  std::atomic<LogNumber> confirmed_{0};
};

}  // namespace duet
