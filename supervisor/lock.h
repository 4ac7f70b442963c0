// supervisor/lock.h: who may use a data directory.
//
// Two locks, because they answer two questions. DIR/duet.lock: is a supervisor running, and which process is
// it? DIR/run/processes.lock: are processes of an earlier supervisor, which was killed, still at work?
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>

namespace duet {

// Held by the running supervisor, from construction to the end of the process (a POSIX record lock: the
// kernel knows its holder, so no pid is ever read from a file that may be stale).
class SupervisorLock {
 public:
  // Throws std::runtime_error naming the holder when another supervisor runs on the directory.
  explicit SupervisorLock(const std::filesystem::path& file);
  ~SupervisorLock();
  SupervisorLock(const SupervisorLock&) = delete;
  SupervisorLock& operator=(const SupervisorLock&) = delete;

  // The process that holds the lock, if any. Must not be called by a process that holds it (closing any
  // descriptor of the file would let go of it).
  static std::optional<pid_t> holder(const std::filesystem::path& file);

 private:
  int fd_;
};

// An open file that every child inherits; whoever has it open holds the lock (flock: it belongs to the open
// file, and ends with its last copy).
class ProcessLock {
 public:
  // Waits until no process of an earlier supervisor is left: they end by themselves soon after it. Throws
  // std::runtime_error when some are still there after `patience`.
  ProcessLock(const std::filesystem::path& file, std::chrono::milliseconds patience);
  ~ProcessLock();
  ProcessLock(const ProcessLock&) = delete;
  ProcessLock& operator=(const ProcessLock&) = delete;

  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace duet
