// bench/stop_signal.h: SIGINT and SIGTERM as something a loop can look at.
#pragma once

namespace duet {

// Blocks both signals for the process; construct it before anything that must be cleaned up, and once.
class StopSignal {
 public:
  StopSignal();  // throws std::system_error
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Readable once a signal has come.
  int fd() const { return fd_; }
  // Throws std::runtime_error when a signal has come.
  void check() const;

 private:
  int fd_;
};

}  // namespace duet
