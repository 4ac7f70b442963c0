// service/broker_watch.h: whether the broker answers, asked again and again.
#pragma once

#include <thread>

#include "service/ask.h"
#include "service/health.h"

namespace duet {

// For a service that has no connection of its own to the broker. Asks every two seconds, or every half second
// while the broker is away, on a thread of its own, and tells the state, which outlives it.
class BrokerWatch {
 public:
  BrokerWatch(HealthListen where, Health::State& state);
  BrokerWatch(const BrokerWatch&) = delete;
  BrokerWatch& operator=(const BrokerWatch&) = delete;

 private:
  std::jthread thread_;
};

}  // namespace duet
