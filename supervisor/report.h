// supervisor/report.h: what the supervisor has to say: DIR/log/supervisor.log, and the terminal while there
// is one.
//
// Owned by the supervisor's thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace duet {

class Report {
 public:
  // The file is bounded: 16 MiB and one older one. Throws when it cannot be written.
  explicit Report(const std::filesystem::path& log_file);
  ~Report();
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  void say(const std::string& line);   // file and terminal
  void note(const std::string& line);  // file only

  // From here on, nothing goes to the terminal.
  void leave_terminal() { terminal_ = false; }

 private:
  std::unique_ptr<spdlog::logger> log_;
  bool terminal_ = true;
};

}  // namespace duet
