// supervisor/detach.h: running on without the terminal.
#pragma once

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

 private:
  int fd_;
};

// Forks. The new process, in its own session, runs `body` and exits with what it returns; this one returns
// when body has called succeeded(): true, or when it ended before (it has said why): false. After a minute
// and a half without either it is asked to stop: false. Precondition: no other thread.
bool run_detached(const std::function<int(Launch&)>& body);

}  // namespace duet
