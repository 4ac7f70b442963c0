// supervisor/detach.h: running on without the terminal.
#pragma once

#include <cstdint>
#include <functional>

namespace duet {

// The line by which the detached process tells the one that waits how its start went.
class Launch {
 public:
  explicit Launch(int fd) : fd_(fd) {}
  ~Launch();
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  // The start succeeded: lets go of the terminal and lets the other process return.
  void succeeded();
  // The start waits for something that may take long, and has said so: the other process returns too. Once is
  // enough; it may still succeed.
  void waiting();

 private:
  void tell(char word);

  int fd_;
};

enum class LaunchOutcome : std::uint8_t { succeeded, waiting, failed };

// Forks. The new process, in its own session, runs `body` and exits with what it returns; this one returns
// when body has called succeeded() or waiting(), or when it ended before (it has said why): failed. After a
// minute and a half without either it is asked to stop: failed. Precondition: no other thread.
LaunchOutcome run_detached(const std::function<int(Launch&)>& body);

}  // namespace duet
