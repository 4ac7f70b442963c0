#include "service/broker_watch.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace duet {
namespace {

constexpr std::chrono::milliseconds kInterval{2000};
constexpr std::chrono::milliseconds kWhileAway{500};
constexpr std::chrono::seconds kPatience{3};

}  // namespace

BrokerWatch::BrokerWatch(HealthListen where, Health::State& state)
    : thread_([where = std::move(where), &state](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        while (!stop.stop_requested()) {
          const auto trouble = ping_broker(where, kPatience);
          trouble ? state.bad("the broker does not answer: " + *trouble) : state.good();
          never.wait_for(lock, stop, trouble ? kWhileAway : kInterval, [] { return false; });
        }
      }) {}

}  // namespace duet
