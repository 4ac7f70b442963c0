#include "supervisor/report.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>

#include <iostream>

namespace duet {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} * 1024 * 1024;

}  // namespace

Report::Report(const std::filesystem::path& log_file)
    : log_(std::make_unique<spdlog::logger>(
          "supervisor",
          std::make_shared<spdlog::sinks::rotating_file_sink_st>(log_file.string(), kMaxBytes, 1))) {
  log_->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v",
                                                                  spdlog::pattern_time_type::utc));
  log_->flush_on(spdlog::level::info);
}

Report::~Report() = default;

void Report::say(const std::string& line) {
  note(line);
  if (terminal_) std::cout << line << std::endl;
}

void Report::note(const std::string& line) {
  log_->info("{}", line);
}

}  // namespace duet
