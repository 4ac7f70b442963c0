// supervisor/client_process.h: the `duet` program as a child, with lines in and out.
//
// One thread owns it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace duet {

class ClientProcess {
 public:
  // Starts it; what it says on standard error goes to ours. Throws std::system_error.
  explicit ClientProcess(const std::vector<std::string>& command);
  ~ClientProcess();  // ends its input, and kills it when it does not end by itself soon
  ClientProcess(const ClientProcess&) = delete;
  ClientProcess& operator=(const ClientProcess&) = delete;

  void write_line(const std::string& line) const;

  // The next line of its output; nullopt when the output has ended or no line came in time.
  std::optional<std::string> read_line(std::chrono::steady_clock::time_point deadline);

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string read_;  // not yet returned
};

}  // namespace duet
