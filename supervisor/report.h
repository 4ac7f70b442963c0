// supervisor/report.h: what the supervisor has to say: DIR/log/supervisor.log, and the terminal while there
// is one.
//
// Owned by the supervisor's thread.
#pragma once

#include <cstdint>
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

  // To be called now and then: goes on in a new file when the file was renamed or removed (logrotate).
  void follow_file();

  // From here on, nothing goes to the terminal.
  void leave_terminal() { terminal_ = false; }

 private:
  void open();

  const std::filesystem::path file_;
  std::unique_ptr<spdlog::logger> log_;
  std::uint64_t inode_ = 0;  // of file_ when it was opened; 0: not known
  bool terminal_ = true;
};

}  // namespace duet
