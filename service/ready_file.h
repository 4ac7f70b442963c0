// service/ready_file.h: the file that tells the supervisor that a service does its work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>

namespace duet {

// Holds the process id while there is a connection on which it does. Thread-safe.
class ReadyFile {
 public:
  // Removes what a killed process has left. An empty path: no file is kept.
  explicit ReadyFile(std::filesystem::path path);
  ~ReadyFile();
  ReadyFile(const ReadyFile&) = delete;
  ReadyFile& operator=(const ReadyFile&) = delete;

  // Sessions with the broker are numbered upwards. Opening one that is already closed does nothing. A file
  // that cannot be written is logged: the supervisor sees that it is not there.
  void open(std::uint64_t session);
  void close(std::uint64_t session);

 private:
  const std::filesystem::path path_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::uint64_t closed_ = 0;
};

}  // namespace duet
