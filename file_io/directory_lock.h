// file_io/directory_lock.h: one process for one directory.
#pragma once

#include <filesystem>
#include <stdexcept>

namespace duet {

struct DirectoryInUse : std::runtime_error {
  explicit DirectoryInUse(const std::filesystem::path& directory)
      : std::runtime_error(directory.string() + " is in use by another process") {}
};

// An exclusive lock on a directory (flock), for as long as the object lives; the kernel drops it with the
// process.
class DirectoryLock {
 public:
  // Throws DirectoryInUse when another holds it, std::system_error when the directory cannot be opened or
  // locked.
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace duet
