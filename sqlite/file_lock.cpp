#include "sqlite/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "file_io/disk_full.h"
#include "file_io/store_error.h"

namespace duet::sqlite {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const char* operation) {
  const std::error_code error(errno, std::generic_category());
  const auto text = "cannot " + std::string(operation) + " " + file.string() + ": " + error.message();
  if (is_disk_full(error)) throw StoreUnavailable(text);
  throw StoreError(text);
}

int open_or_fail(const std::filesystem::path& file, int flags, const char* operation) {
  const int fd = ::open(file.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0) fail(file, operation);
  return fd;
}

std::filesystem::path lock_of(std::filesystem::path database) {
  return database += ".lock";
}

}  // namespace

Descriptor::~Descriptor() {
  ::close(fd_);
}

FileLock::FileLock(const std::filesystem::path& database)
    : file_(open_or_fail(lock_of(database), O_RDWR | O_CREAT, "open the lock file")) {
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK) {
    throw StoreError("database " + database.string() + " is in use by another process (" +
                     lock_of(database).string() + " is locked)");
  }
  fail(lock_of(database), "lock");
}

void create_private_file(const std::filesystem::path& file) {
  const Descriptor opened(open_or_fail(file, O_RDWR | O_CREAT, "open"));
  struct stat status {};
  if (::fstat(opened.get(), &status) != 0) fail(file, "look at");
  if ((status.st_mode & 0077U) != 0) {
    throw StoreError("database " + file.string() + " is open to other users; make it private: chmod 600 " +
                     file.string());
  }
}

void sync_path(const std::filesystem::path& path) {
  const Descriptor opened(open_or_fail(path, O_RDONLY, "open"));
  if (::fsync(opened.get()) != 0) fail(path, "flush");
}

}  // namespace duet::sqlite
