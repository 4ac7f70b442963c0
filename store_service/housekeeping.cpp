#include "store_service/housekeeping.h"

#include <spdlog/spdlog.h>

#include <condition_variable>
#include <mutex>
#include <utility>

namespace duet {
namespace {

constexpr std::chrono::seconds kTokenInterval{1};
constexpr int kIntervalsPerLogLine = 60;

}  // namespace

Housekeeping::Housekeeping(std::filesystem::path token_file, Publisher& publisher, const Counters& counters)
    : token_("store", std::move(token_file)),
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
    token_.check([this](Link::Publish message) { return publisher_.publish(std::move(message)); });
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
