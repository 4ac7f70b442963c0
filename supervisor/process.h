// supervisor/process.h: one process of the platform.
//
// Owned by the supervisor's thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "supervisor/log_file.h"

namespace duet {

struct ProcessSpec {
  std::string name;                                // "broker"
  std::vector<std::string> command;                // [0] is the program's path
  std::map<std::string, std::string> environment;  // over ours
  std::filesystem::path log_file;
  std::optional<std::uint64_t> open_files;  // raise the limit of open files to this, as far as allowed
  int inherited_fd;                         // stays open in the process; see ProcessLock
};

// How a process ended, in words: "ended with status 1", "was killed by signal 9".
struct ProcessEnd {
  std::string how;
  std::chrono::milliseconds lifetime;  // 0: it did not even start
};

class Process {
 public:
  explicit Process(ProcessSpec spec);
  ~Process();  // kills what still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Starts it in its own process group, so that the terminal's Ctrl-C reaches the supervisor alone; it ends
  // with the supervisor, whatever ends that. The error says what kept it from running. Precondition: not
  // running.
  Result<void, std::string> start();

  // Returns how it ended, once; nullopt while it runs.
  std::optional<ProcessEnd> reap();

  bool running() const { return pid_.has_value(); }
  // Precondition: running.
  pid_t pid() const { return *pid_; }
  // Does nothing when it is not running.
  void send(int signal) const;

  const std::string& name() const { return spec_.name; }
  LogFile& log() { return log_; }

 private:
  ProcessSpec spec_;
  LogFile log_;
  std::optional<pid_t> pid_;
  std::chrono::steady_clock::time_point started_at_;
};

// The path of a program in PATH or in the places where Debian puts servers; nullopt when there is none.
std::optional<std::filesystem::path> find_program(const std::string& name);

}  // namespace duet
