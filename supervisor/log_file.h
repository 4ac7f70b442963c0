// supervisor/log_file.h: the file that takes a process's standard output and error.
//
// The process writes into it directly, so that it neither waits for the supervisor nor dies with it; the
// supervisor only keeps it from growing for ever, and in its place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace duet {

class LogFile {
 public:
  static constexpr std::uintmax_t kMaxBytes = std::uintmax_t{16} * 1024 * 1024;

  explicit LogFile(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }

  // A descriptor for a process about to start (append, close on exec); the caller closes it. -1 when it
  // cannot be opened; errno says why.
  int open_for_process();

  // Moves the content to `<path>.1` once it is over `max_bytes`. The writer goes on at the start of the same
  // file; lines written in the moment between are lost. Failure is left for the next call: a full disk must
  // not stop the platform. Without room for the copy the file may grow to twice `max_bytes`; then it is
  // emptied and nothing is kept.
  void trim(std::uintmax_t max_bytes = kMaxBytes);

  // To be called now and then. When the file was renamed or removed (logrotate), the process still writes
  // into it. It then gets its old name back: a renamed file is left with a copy of the content and the
  // process goes on in an empty one; after a removal the content stays. For that the file has a second name,
  // `.<name>`, while a process writes into it. Lines written in the moment of the exchange are lost. Failure
  // is left for the next call.
  void restore();

  // The last line written since the process was started that says something, without its time; the last one
  // with `error` in it when there is one. Empty when there is none.
  std::string last_words() const;

 private:
  std::filesystem::path second_name() const;
  std::filesystem::path find_moved() const;

  std::filesystem::path path_;
  std::uintmax_t start_ = 0;  // where the present process began to write
};

}  // namespace duet
