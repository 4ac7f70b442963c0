#include "store_service/housekeeping.h"

#include <spdlog/spdlog.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "file_io/secret_file.h"
#include "protocol/topic.h"

namespace duet {
namespace {

constexpr std::chrono::seconds kTokenInterval{1};
constexpr int kIntervalsPerLogLine = 60;

}  // namespace

TokenRotation::TokenRotation(std::filesystem::path file) : file_(std::move(file)) {
  try {
    published_ = read_secret_line(file_);
  } catch (const std::runtime_error&) {
    // The link says so at each attempt to connect, and check() from now on.
  }
}

void TokenRotation::check(Publisher& publisher) {
  std::string token;
  try {
    token = read_secret_line(file_);
    last_error_.clear();
  } catch (const std::runtime_error& error) {
    if (last_error_ != error.what()) spdlog::error("the access token cannot be read: {}", error.what());
    last_error_ = error.what();
    return;
  }
  if (token == published_) return;
  const auto result = publisher.publish({format_topic(ServiceTopic{"store", ServiceKind::token}), token});
  if (result != PublishResult::accepted) return;
  spdlog::info("the access token is renewed");
  published_ = std::move(token);
}

Housekeeping::Housekeeping(std::filesystem::path token_file, Publisher& publisher, const Counters& counters)
    : token_(std::move(token_file)),
      publisher_(publisher),
      counters_(counters),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Housekeeping::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  for (int intervals = 1; !stop.stop_requested(); ++intervals) {
    never.wait_for(lock, stop, kTokenInterval, [] { return false; });
    if (stop.stop_requested()) return;
    token_.check(publisher_);
    if (intervals % kIntervalsPerLogLine == 0) log_counters();
  }
}

void Housekeeping::log_counters() const {
  spdlog::debug("frames {}, commits {}, messages {}, duplicates {}, receipts {}, refused {}, requests {}",
                counters_.frames.load(), counters_.commits.load(), counters_.messages.load(),
                counters_.duplicates.load(), counters_.receipts.load(), counters_.refused.load(),
                counters_.requests.load());
}

}  // namespace duet
