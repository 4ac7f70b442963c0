// client/directory_lock.h: one client for one state directory.
#pragma once

#include <filesystem>

namespace duet {

// Held while the client lives; the system gives it back when the process ends, however it ends (flock).
class DirectoryLock {
 public:
  // Makes the directory, for its owner alone. Throws StateInUse (client/database.h) when another client has
  // it, and std::system_error or std::filesystem::filesystem_error when it cannot be used.
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int fd_;
};

}  // namespace duet
