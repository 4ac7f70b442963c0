#include "supervisor/platform_health.h"

#include <chrono>
#include <condition_variable>
#include <stop_token>
#include <utility>

namespace duet {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

HealthReport verdict_of(const PartReports& parts, const std::optional<std::string>& trouble) {
  HealthReport verdict;
  for (const auto& [name, report] : parts) {
    verdict.live = verdict.live && report.live;
    for (const auto& reason : report.reasons) verdict.reasons.push_back(name + ": " + reason);
  }
  if (trouble) verdict.reasons.push_back(*trouble);
  verdict.ready = verdict.reasons.empty();
  return verdict;
}

PlatformHealth::PlatformHealth(std::vector<AskedPart> parts) : asked_(std::move(parts)) {
  for (const auto& part : asked_) reports_.emplace(part.name, HealthReport());
}

PlatformHealth::~PlatformHealth() = default;

void PlatformHealth::start(const HealthListen& listen) {
  for (const auto& part : asked_) {
    threads_.emplace_back([this, &part](const std::stop_token& stop) {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      while (!stop.stop_requested()) {
        auto report = part.ask();
        {
          const std::lock_guard guard(mutex_);
          reports_[part.name] = std::move(report);
        }
        never.wait_for(lock, stop, kInterval, [] { return false; });
      }
    });
  }
  server_ = std::make_unique<HealthServer>(listen, [this] { return verdict(); });
}

void PlatformHealth::set_trouble(std::optional<std::string> trouble) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

PartReports PlatformHealth::parts() const {
  const std::lock_guard lock(mutex_);
  return reports_;
}

HealthReport PlatformHealth::verdict() const {
  const std::lock_guard lock(mutex_);
  return verdict_of(reports_, trouble_);
}

}  // namespace duet
