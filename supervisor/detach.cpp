#include "supervisor/detach.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <system_error>
#include <utility>

namespace duet {
namespace {

constexpr int kReadyPatienceMs = 90'000;
constexpr char kSucceeded = 'r';
constexpr char kWaiting = 'w';

enum class Outcome { succeeded, waiting, ended, late };

Outcome wait_for(int fd) {
  pollfd handle{.fd = fd, .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&handle, 1, kReadyPatienceMs);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return Outcome::late;
  char word = 0;
  if (::read(fd, &word, 1) != 1) return Outcome::ended;
  return word == kWaiting ? Outcome::waiting : Outcome::succeeded;
}

}  // namespace

Launch::~Launch() {
  if (fd_ >= 0) ::close(fd_);
}

void Launch::succeeded() {
  tell(kSucceeded);
}

void Launch::waiting() {
  tell(kWaiting);
}

void Launch::tell(char word) {
  if (fd_ < 0) return;  // the other process has returned
  std::cout.flush();
  const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null_fd, fd);
  ::close(null_fd);
  // Nobody may be waiting any more; the platform runs all the same.
  [[maybe_unused]] const auto sent = ::write(fd_, &word, 1);
  ::close(std::exchange(fd_, -1));
}

LaunchOutcome run_detached(const std::function<int(Launch&)>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  }
  const pid_t pid = ::fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "cannot fork");
  if (pid == 0) {
    ::close(ends[0]);
    ::setsid();
    Launch launch(ends[1]);
    const int status = body(launch);
    std::cout.flush();
    ::_exit(status);
  }
  ::close(ends[1]);
  const Outcome outcome = wait_for(ends[0]);
  ::close(ends[0]);
  if (outcome == Outcome::succeeded) return LaunchOutcome::succeeded;
  if (outcome == Outcome::waiting) return LaunchOutcome::waiting;
  if (outcome == Outcome::late) {
    std::cerr << "duet: not ready after " << kReadyPatienceMs / 1000 << " s; giving up\n";
    ::kill(pid, SIGTERM);
  }
  ::waitpid(pid, nullptr, 0);
  return LaunchOutcome::failed;
}

}  // namespace duet
