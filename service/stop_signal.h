// service/stop_signal.h: how the process learns that it shall end.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

namespace duet {

// Blocks SIGINT, SIGTERM and SIGUSR1 for every thread that is started after it, so: construct it first, and
// once.
class StopSignal {
 public:
  enum class Cause { asked, failed, interrupted };

  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Returns when SIGINT or SIGTERM has come, or fail() or interrupt() was called. Only main waits.
  Cause wait();
  // The same; nullopt when the time is over.
  std::optional<Cause> wait_for(std::chrono::milliseconds time);

  // Ends the wait: the process cannot do its work any more. Thread-safe.
  void fail();
  // Ends one wait: main has something to do. Thread-safe.
  void interrupt();

 private:
  std::optional<Cause> cause_of(int signal);

  std::atomic<bool> failed_{false};
  std::atomic<bool> interrupted_{false};
};

}  // namespace duet
