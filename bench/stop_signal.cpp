#include "bench/stop_signal.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>

namespace duet {

StopSignal::StopSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  fd_ = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd_ < 0) throw std::system_error(errno, std::system_category(), "signalfd");
}

StopSignal::~StopSignal() {
  ::close(fd_);
}

void StopSignal::check() const {
  pollfd entry{fd_, POLLIN, 0};
  if (::poll(&entry, 1, 0) > 0) throw std::runtime_error("stopped by a signal");
}

}  // namespace duet
