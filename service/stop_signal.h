// service/stop_signal.h: how the process learns that it shall end.
#pragma once

#include <atomic>

namespace duet {

// Blocks SIGINT and SIGTERM for every thread that is started after it, so: construct it first, and once.
class StopSignal {
 public:
  enum class Cause { asked, failed };

  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Returns when a signal has come or fail() was called. Only main waits.
  Cause wait();

  // Ends the wait: the process cannot do its work any more. Thread-safe.
  void fail();

 private:
  std::atomic<bool> failed_{false};
};

}  // namespace duet
