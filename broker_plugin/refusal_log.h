// broker_plugin/refusal_log.h: the lines about connections that were not let in.
//
// Whoever can reach the broker can have it refuse him as often as he likes. So that he cannot push everything
// else out of the log, lines beyond a rate are counted instead, and told in one.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string_view>

#include "acl/token_bucket.h"
#include "broker_plugin/broker_port.h"

namespace duet {

// Used by the broker's thread alone.
class RefusalLog {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr RateLimit kLines{1, 30};
  static constexpr std::chrono::seconds kTellEvery{10};

  explicit RefusalLog(BrokerPort& broker) : broker_(broker) {}

  // `reason` must live for ever: there are few of them.
  void refused(std::string_view client_id, std::string_view address, std::string_view reason,
               Clock::time_point now);
  // Tells how many lines were left out, when the first of them is long enough ago.
  void tick(Clock::time_point now);

 private:
  BrokerPort& broker_;
  TokenBuckets lines_{kLines};
  std::map<std::string_view, std::uint64_t> left_out_;  // reason → lines
  Clock::time_point tell_at_;                           // when there are some
};

}  // namespace duet
