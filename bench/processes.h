// bench/processes.h: the processes around a measurement: those the bench starts, and what any of them costs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace duet {

// A child that ends with this object, and should the bench die, with the bench.
class ChildProcess {
 public:
  // Starts argv[0] with stdout and stderr appended to `log`. Throws std::system_error.
  ChildProcess(const std::vector<std::string>& argv, std::filesystem::path log);
  // SIGTERM, and SIGKILL when it has not ended within 20 seconds.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Throws std::runtime_error with the end of its log when it has ended by itself.
  void check();

 private:
  bool wait_for(std::chrono::milliseconds deadline);

  std::filesystem::path log_;
  pid_t pid_ = -1;
};

// A directory that is removed, with all that is in it, at the end.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::filesystem::path& parent);  // throws std::system_error
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A process whose CPU time a measurement reports.
struct MeasuredProcess {
  std::string name;
  pid_t pid;
};
// User and system time of all threads of a live process. Throws std::runtime_error when there is none.
std::chrono::nanoseconds cpu_time(const MeasuredProcess& process);

// Its memory that no file backs. Throws std::runtime_error when there is no such process.
std::uint64_t anonymous_bytes(const MeasuredProcess& process);

// A TCP port of 127.0.0.1 that was free a moment ago.
std::uint16_t free_port();

// Whether something accepts connections there.
bool accepts_connections(std::uint16_t port);

// Raises the limit of open files for this process and its children as far as allowed. Throws
// std::runtime_error when that is less than `files`.
void raise_file_limit(std::size_t files);

void write_file(const std::filesystem::path& path, const std::string& text);  // throws std::runtime_error
std::string read_file(const std::filesystem::path& path);                     // throws std::runtime_error

}  // namespace duet
