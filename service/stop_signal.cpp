#include "service/stop_signal.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>

namespace duet {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGUSR1);
  return signals;
}

timespec to_timespec(nanoseconds time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

}  // namespace

StopSignal::StopSignal() {
  const sigset_t signals = stop_signals();
  if (const int error = pthread_sigmask(SIG_BLOCK, &signals, nullptr); error != 0) {
    throw std::system_error(error, std::generic_category(), "blocking SIGINT and SIGTERM");
  }
}

StopSignal::Cause StopSignal::wait() {
  const sigset_t signals = stop_signals();
  while (true) {
    int signal = 0;
    if (const int error = sigwait(&signals, &signal); error != 0) {
      throw std::system_error(error, std::generic_category(), "waiting for a signal");
    }
    if (const auto cause = cause_of(signal)) return *cause;
  }
}

std::optional<StopSignal::Cause> StopSignal::wait_for(std::chrono::milliseconds time) {
  const sigset_t signals = stop_signals();
  const auto deadline = steady_clock::now() + time;
  while (true) {
    const timespec left = to_timespec(std::max<nanoseconds>(deadline - steady_clock::now(), nanoseconds(0)));
    const int signal = sigtimedwait(&signals, nullptr, &left);
    if (signal > 0) {
      if (const auto cause = cause_of(signal)) return cause;
    } else if (errno == EAGAIN) {
      return std::nullopt;
    } else if (errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "waiting for a signal");
    }
  }
}

// None: a SIGUSR1 of somebody else.
std::optional<StopSignal::Cause> StopSignal::cause_of(int signal) {
  if (signal == SIGUSR1)
    return interrupted_.exchange(false) ? std::optional(Cause::interrupted) : std::nullopt;
  return failed_ ? Cause::failed : Cause::asked;
}

void StopSignal::fail() {
  failed_ = true;
  kill(getpid(), SIGTERM);  // for sigwait: the signal is blocked everywhere
}

// A signal of its own: a SIGTERM that comes at the same time is one more.
void StopSignal::interrupt() {
  interrupted_ = true;
  kill(getpid(), SIGUSR1);
}

}  // namespace duet
