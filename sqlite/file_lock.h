// sqlite/file_lock.h: one process writes a database, and files made with care.
#pragma once

#include <filesystem>

namespace duet::sqlite {

// An open file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

// Holds `<database>.lock` while it lives; the kernel lets go of it when the process dies. A file of its own,
// because SQLite's locks on the database are lost when any descriptor of that file is closed. Throws
// StoreError when another process, or another place of this one, holds it.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& database);

 private:
  Descriptor file_;
};

// Makes an empty file, mode 0600, if there is none. Throws StoreError, also when there is one that group or
// others may touch.
void create_private_file(const std::filesystem::path& file);
// Flushes the file, or the names in the directory, to stable storage. Throws StoreError.
void sync_path(const std::filesystem::path& path);

}  // namespace duet::sqlite
