#include "supervisor/signals.h"

#include <algorithm>
#include <csignal>
#include <ctime>

namespace duet {
namespace {

sigset_t awaited() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = awaited();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

std::optional<int> Signals::wait_until(std::chrono::steady_clock::time_point deadline) const {
  using std::chrono::nanoseconds;
  const auto left = std::max(nanoseconds(0), nanoseconds(deadline - std::chrono::steady_clock::now()));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec timeout{seconds.count(), (left - seconds).count()};
  const sigset_t set = awaited();
  siginfo_t info{};
  const int signal = ::sigtimedwait(&set, &info, &timeout);
  if (signal <= 0) return std::nullopt;
  // The kernel sends it when the terminal is gone, and people send it to have logs opened again.
  if (signal == SIGHUP && info.si_code == SI_KERNEL) return SIGTERM;
  return signal;
}

bool Signals::asks_to_stop(std::optional<int> signal) {
  const int number = signal.value_or(0);
  return number == SIGINT || number == SIGTERM;
}

void Signals::restore_defaults() {
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
}

}  // namespace duet
