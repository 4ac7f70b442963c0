#include "supervisor/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "supervisor/path_error.h"

namespace duet {
namespace {

int open_lock(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw_path_error(file, "cannot open the lock", errno);
  return fd;
}

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::optional<pid_t> holder_of(int fd) {
  struct flock lock = whole_file();
  if (::fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return lock.l_pid;
}

}  // namespace

SupervisorLock::SupervisorLock(const std::filesystem::path& file) : fd_(open_lock(file)) {
  struct flock lock = whole_file();
  if (::fcntl(fd_, F_SETLK, &lock) == 0) return;
  const int error = errno;
  const auto holder = holder_of(fd_);
  ::close(fd_);
  if (error != EAGAIN && error != EACCES) throw_path_error(file, "cannot lock", error);
  throw std::runtime_error(file.parent_path().string() + " is in use: Duet is already running there" +
                           (holder ? " (process " + std::to_string(*holder) + ")" : "") +
                           "; stop it with --stop, or choose another directory with --data");
}

SupervisorLock::~SupervisorLock() {
  ::close(fd_);
}

std::optional<pid_t> SupervisorLock::holder(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw_path_error(file, "cannot open the lock", errno);
  }
  const auto holder = holder_of(fd);
  ::close(fd);
  return holder;
}

ProcessLock::ProcessLock(const std::filesystem::path& file, std::chrono::milliseconds patience)
    : fd_(open_lock(file)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const bool late = std::chrono::steady_clock::now() >= deadline;
    if (error == EWOULDBLOCK && !late) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    ::close(fd_);
    if (error != EWOULDBLOCK) throw_path_error(file, "cannot lock", error);
    throw std::runtime_error(
        file.string() +
        ": processes of an earlier start are still running and do not end; find them with "
        "`fuser -v` on this file, end them and start again");
  }
}

ProcessLock::~ProcessLock() {
  ::close(fd_);
}

}  // namespace duet
