#include "broker_plugin/refusal_log.h"

#include <string>

namespace duet {

void RefusalLog::refused(std::string_view client_id, std::string_view address, std::string_view reason,
                         Clock::time_point now) {
  constexpr std::size_t kLoggedBytes = 100;
  if (lines_.take("", now)) {
    if (left_out_.empty()) tell_at_ = now + kTellEvery;
    ++left_out_[reason];
    return;
  }
  std::string line("refused ");
  line.append(client_id.substr(0, kLoggedBytes)).append(" from ").append(address).append(": ").append(reason);
  broker_.log(LogLevel::notice, line);
}

void RefusalLog::tick(Clock::time_point now) {
  if (left_out_.empty() || now < tell_at_) return;
  std::uint64_t all = 0;
  std::string reasons;
  for (const auto& [reason, lines] : left_out_) {
    all += lines;
    reasons.append(reasons.empty() ? ": " : "; ").append(reason).append(", ").append(std::to_string(lines));
  }
  left_out_.clear();
  broker_.log(LogLevel::notice, "refused " + std::to_string(all) + " more" + reasons);
}

}  // namespace duet
