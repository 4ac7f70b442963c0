// client/cli/waiter.h: what the main thread of a command does: wait until it is over.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace duet {

// Takes SIGINT and SIGTERM as a wish to end, for as long as it lives. Make it before any other thread, so
// that they inherit the blocked signals.
class Waiter {
 public:
  Waiter();
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // The command is over, with this exit status. The first word counts. From any thread.
  void finish(int status);
  std::optional<int> status() const;

  // Ends one wait() of the main thread. From any thread.
  void wake();

  enum class Event : std::uint8_t { finished, woken, interrupted, input, timeout };
  // Waits. With `input_fd` also for input or its end there; without a deadline for ever.
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;
  Event wait(Deadline deadline, int input_fd = -1) const;

 private:
  int signal_fd_;
  int wake_fd_;
  std::atomic<int> status_ = -1;
};

}  // namespace duet
