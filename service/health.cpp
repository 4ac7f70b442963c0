#include "service/health.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace duet {
namespace {

// Less does not hold a journal's or a write-ahead log's next growth for long.
constexpr std::uint64_t kLeastFreeBytes = std::uint64_t{1024} * 1024;

}  // namespace

std::string format_health(const HealthReport& report) {
  const nlohmann::ordered_json json{
      {"live", report.live}, {"ready", report.ready}, {"reasons", report.reasons}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::optional<HealthReport> parse_health(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto live = json.find("live");
  const auto ready = json.find("ready");
  const auto reasons = json.find("reasons");
  if (live == json.end() || !live->is_boolean() || ready == json.end() || !ready->is_boolean() ||
      reasons == json.end() || !reasons->is_array()) {
    return std::nullopt;
  }
  HealthReport report{.live = live->get<bool>(), .ready = ready->get<bool>(), .reasons = {}};
  for (const auto& reason : *reasons) {
    if (!reason.is_string()) return std::nullopt;
    report.reasons.push_back(reason.get<std::string>());
  }
  return report;
}

std::optional<HealthAnswer> answer_health(std::string_view path, const HealthReport& report) {
  const bool live = path == "/healthz/live";
  if (!live && path != "/healthz/ready" && path != "/healthz") return std::nullopt;
  return HealthAnswer{.status = (live ? report.live : report.ready) ? 200U : 503U,
                      .body = format_health(report)};
}

std::string summary(const HealthReport& report) {
  if (report.ready) return "ready";
  std::string text;
  for (const auto& reason : report.reasons) text += (text.empty() ? "" : "; ") + reason;
  return text;
}

std::string seconds_text(std::chrono::nanoseconds duration) {
  return std::to_string(std::chrono::floor<std::chrono::seconds>(duration).count()) + " s";
}

std::optional<std::string> Health::Loop::trouble(Clock::time_point now) const {
  const auto since = since_.load();
  if (since == Clock::time_point::max() || now - since <= limit_) return std::nullopt;
  return name_ + " has not moved for " + seconds_text(now - since);
}

void Health::State::good() {
  const std::lock_guard lock(mutex_);
  why_.clear();
}

void Health::State::bad(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (why_.empty()) since_ = now_();
  why_ = why;
}

bool Health::State::is_good() const {
  const std::lock_guard lock(mutex_);
  return why_.empty();
}

std::optional<std::string> Health::State::trouble(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  if (why_.empty()) return std::nullopt;
  return why_ + " (for " + seconds_text(now - since_) + ")";
}

Health::Loop& Health::add_loop(const std::string& name, std::chrono::milliseconds limit) {
  const std::lock_guard lock(mutex_);
  return loops_.emplace_back(name, limit, now_);
}

Health::State& Health::add_state(const std::string& why) {
  const std::lock_guard lock(mutex_);
  return states_.emplace_back(why, now_);
}

void Health::add_check(Check check) {
  const std::lock_guard lock(mutex_);
  checks_.push_back(std::move(check));
}

HealthReport Health::report() const {
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  HealthReport report;
  const auto note = [&](std::optional<std::string> trouble) {
    if (trouble) report.reasons.push_back(*std::move(trouble));
  };
  for (const auto& loop : loops_) note(loop.trouble(now));
  report.live = report.reasons.empty();
  for (const auto& state : states_) note(state.trouble(now));
  for (const auto& check : checks_) note(check(now));
  report.ready = report.reasons.empty();
  return report;
}

std::optional<std::string> disk_trouble(const std::string& directory) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0) return std::nullopt;
  const std::uint64_t blocks = ::geteuid() == 0 ? disk.f_bfree : disk.f_bavail;
  if (blocks * disk.f_frsize >= kLeastFreeBytes) return std::nullopt;
  return "less than 1 MiB is free on the disk of " + directory;
}

}  // namespace duet
