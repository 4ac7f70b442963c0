#include "supervisor/report.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <sys/stat.h>

#include <iostream>

namespace duet {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} * 1024 * 1024;

// 0 when there is no such file.
std::uint64_t inode_of(const std::filesystem::path& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

Report::Report(const std::filesystem::path& log_file) : file_(log_file) {
  open();
}

Report::~Report() = default;

void Report::open() {
  log_ = std::make_unique<spdlog::logger>(
      "supervisor", std::make_shared<spdlog::sinks::rotating_file_sink_st>(file_.string(), kMaxBytes, 1));
  log_->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v",
                                                                  spdlog::pattern_time_type::utc));
  log_->flush_on(spdlog::level::info);
  inode_ = inode_of(file_);
}

// The sink changes the file too, when it has grown to its bound: then a second open harms nothing.
void Report::follow_file() {
  if (inode_of(file_) == inode_) return;
  try {
    open();
  } catch (const spdlog::spdlog_ex&) {
    return;  // a full disk: the next call tries again
  }
}

void Report::say(const std::string& line) {
  note(line);
  if (terminal_) std::cout << line << std::endl;
}

void Report::note(const std::string& line) {
  log_->info("{}", line);
}

}  // namespace duet
