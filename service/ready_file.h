// service/ready_file.h: the file that tells the supervisor that a service does its work.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

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
  // that cannot be written (a full disk) is logged, and written as soon as that is possible.
  void open(std::uint64_t session);
  void close(std::uint64_t session);

 private:
  bool write();
  void retry(const std::stop_token& stop);

  const std::filesystem::path path_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::uint64_t closed_ = 0;
  bool due_ = false;  // it is to be written, and could not be
  std::condition_variable_any changed_;
  std::optional<std::jthread> retrying_;  // since the first failure; last: it ends before the rest goes
};

}  // namespace duet
