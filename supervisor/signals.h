// supervisor/signals.h: the signals that the supervisor's loop waits for.
#pragma once

#include <chrono>
#include <optional>

namespace duet {

// Blocks SIGINT, SIGTERM, SIGHUP and SIGCHLD for the thread that makes it, before any other thread exists;
// they are then taken by wait_until. Ignores SIGPIPE.
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next signal; nullopt when the time has come without one. The SIGHUP of a terminal that was closed is
  // told as SIGTERM; the one that a process sends is told as it is.
  std::optional<int> wait_until(std::chrono::steady_clock::time_point deadline) const;

  // Asks to stop: SIGINT or SIGTERM.
  static bool asks_to_stop(std::optional<int> signal);

  // For a forked child that goes on without a loop: all as it was at the start of a program.
  static void restore_defaults();
};

}  // namespace duet
