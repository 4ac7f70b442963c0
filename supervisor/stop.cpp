#include "supervisor/stop.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>

#include "supervisor/layout.h"
#include "supervisor/lock.h"

extern "C" {  // glibc 2.36 leaves it out of its own header
#include <sys/pidfd.h>
}

namespace duet {
namespace {

constexpr int kEndPatienceMs = 30'000;

class ProcessHandle {
 public:
  explicit ProcessHandle(pid_t pid) : fd_(::pidfd_open(pid, 0)) {}
  ~ProcessHandle() {
    if (fd_ >= 0) ::close(fd_);
  }
  ProcessHandle(const ProcessHandle&) = delete;
  ProcessHandle& operator=(const ProcessHandle&) = delete;

  bool open() const { return fd_ >= 0; }
  bool send(int signal) const { return ::pidfd_send_signal(fd_, signal, nullptr, 0) == 0; }
  bool wait_for_end(int timeout_ms) const {
    pollfd handle{.fd = fd_, .events = POLLIN, .revents = 0};
    return ::poll(&handle, 1, timeout_ms) == 1;
  }

 private:
  int fd_;
};

}  // namespace

std::string stop_platform(const std::filesystem::path& data_dir) {
  const Layout layout(data_dir);
  if (!std::filesystem::exists(layout.lock())) {
    throw std::runtime_error(data_dir.string() + " is not a data directory of Duet: nothing to stop");
  }
  const auto pid = SupervisorLock::holder(layout.lock());
  if (!pid) return "nothing is running on " + data_dir.string();
  const ProcessHandle supervisor(*pid);
  // Looked up a second time: the handle is of the process that holds the lock, not of one that got its
  // number.
  if (!supervisor.open() || SupervisorLock::holder(layout.lock()) != pid) {
    return "it ended by itself";
  }
  const std::string name = "the supervisor (process " + std::to_string(*pid) + ")";
  if (!supervisor.send(SIGTERM)) {
    throw std::runtime_error("cannot stop " + name + ": " + std::generic_category().message(errno));
  }
  if (!supervisor.wait_for_end(kEndPatienceMs)) {
    throw std::runtime_error(name + " is still stopping after 30 s; see " +
                             layout.log("supervisor").string());
  }
  return "stopped " + name;
}

}  // namespace duet
