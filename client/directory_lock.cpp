#include "client/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "client/database.h"

namespace duet {
namespace {

int open_lock(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
  const auto file = directory / "lock";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "cannot open " + file.string());
  return fd;
}

}  // namespace

DirectoryLock::DirectoryLock(const std::filesystem::path& directory) : fd_(open_lock(directory)) {
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(fd_);
  throw StateInUse(directory);
}

DirectoryLock::~DirectoryLock() {
  ::close(fd_);
}

}  // namespace duet
