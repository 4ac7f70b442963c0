#include "service/stop_signal.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <system_error>

namespace duet {
namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
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
  int signal = 0;
  if (const int error = sigwait(&signals, &signal); error != 0) {
    throw std::system_error(error, std::generic_category(), "waiting for a signal");
  }
  return failed_ ? Cause::failed : Cause::asked;
}

void StopSignal::fail() {
  failed_ = true;
  kill(getpid(), SIGTERM);  // for sigwait: the signal is blocked everywhere
}

}  // namespace duet
