#include "client/cli/waiter.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace duet {
namespace {

sigset_t ending_signals() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

int checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return fd;
}

int poll_timeout(Waiter::Deadline deadline) {
  if (!deadline) return -1;
  constexpr std::int64_t kMaxPoll = 60'000;  // then it is asked again
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, kMaxPoll));
}

bool passed(Waiter::Deadline deadline) {
  return deadline && *deadline <= std::chrono::steady_clock::now();
}

}  // namespace

Waiter::Waiter() {
  const auto signals = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal_fd_ = checked(::signalfd(-1, &signals, SFD_CLOEXEC), "signalfd");
  wake_fd_ = checked(::eventfd(0, EFD_CLOEXEC), "eventfd");
}

Waiter::~Waiter() {
  ::close(wake_fd_);
  ::close(signal_fd_);
}

void Waiter::finish(int status) {
  int expected = -1;
  if (status_.compare_exchange_strong(expected, status)) wake();
}

void Waiter::wake() {
  const std::uint64_t one = 1;
  if (::write(wake_fd_, &one, sizeof(one)) != sizeof(one)) {
    throw std::system_error(errno, std::generic_category(), "eventfd");
  }
}

std::optional<int> Waiter::status() const {
  const int status = status_;
  return status < 0 ? std::nullopt : std::optional(status);
}

Waiter::Event Waiter::wait(Deadline deadline, int input_fd) const {
  while (true) {
    if (status()) return Event::finished;
    std::array<pollfd, 3> fds{{{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}, {input_fd, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), poll_timeout(deadline));
    if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
    if (fds[0].revents != 0) return Event::interrupted;
    if (fds[1].revents != 0) {
      std::uint64_t times = 0;
      checked(static_cast<int>(::read(wake_fd_, &times, sizeof(times))), "eventfd");
      return status() ? Event::finished : Event::woken;
    }
    if (fds[2].revents != 0) return Event::input;
    if (passed(deadline)) return Event::timeout;
  }
}

}  // namespace duet
