// tests/support/process.h: child processes, ended by pid when their owner goes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/patience.h"

namespace duet {

// One child. Used by one thread at a time, but for write_line and read_line, which may run in two threads.
class ChildProcess {
 public:
  // Where the child's standard streams go.
  enum class Streams : std::uint8_t {
    to_log,  // stdout and stderr are appended to `log`, stdin is /dev/null
    piped,   // stdin and stdout are the owner's pipes, stderr is appended to `log`
  };

  // Throws std::system_error when the program cannot be started.
  ChildProcess(const std::vector<std::string>& argv, Streams streams, const std::filesystem::path& log);
  ~ChildProcess();  // SIGKILL, unless it has ended
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;

  // The exit status (128 + signal when killed) once it has ended; nullopt while it runs.
  std::optional<int> exit_status();
  // Waits for the end. Nullopt when the patience ended first.
  std::optional<int> wait(std::chrono::milliseconds patience = kPatience);

  // Streams::piped. write_line throws when the child reads no more.
  void write_line(const std::string& line) const;
  void close_stdin();
  // The next line of stdout without its end; nullopt at the end of the stream or of the patience.
  std::optional<std::string> read_line(std::chrono::milliseconds patience);
  bool at_end() const { return at_end_; }

 private:
  pid_t pid_ = -1;
  int stdin_ = -1;
  int stdout_ = -1;
  bool at_end_ = false;
  std::string unread_;
  std::optional<int> status_;
};

// A command that is run to its end.
struct Finished {
  int status = -1;
  std::string out;
  std::string err;
};
// Runs `argv` with `input` as its stdin; kills it when it does not end in time.
Finished run_command(const std::vector<std::string>& argv, const std::string& input = "");

// A TCP port on 127.0.0.1 that was free a moment ago, below the range that outgoing connections take. Another
// each time.
std::uint16_t free_port();

// Whether a process with that id exists and is not a zombie.
bool process_runs(pid_t pid);

// Processes, other than this one, whose command line names `path`.
std::vector<pid_t> processes_naming(const std::filesystem::path& path);

// A directory that goes with its owner.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The content of a file; empty when it cannot be read.
std::string text_of(const std::filesystem::path& path);

}  // namespace duet
