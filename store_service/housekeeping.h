// store_service/housekeeping.h: what is done by the clock: the token's renewal and the counters' log line.
#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <thread>

#include "mqtt_link/token_rotation.h"
#include "store_service/counters.h"
#include "store_service/publisher.h"

namespace duet {

// Publisher and counters outlive it.
class Housekeeping {
 public:
  Housekeeping(std::filesystem::path token_file, Publisher& publisher, const Counters& counters);
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

 private:
  void run(const std::stop_token& stop);
  void log_counters() const;

  TokenRotation token_;  // the thread's
  Publisher& publisher_;
  const Counters& counters_;
  std::jthread thread_;  // last: it ends before the rest goes
};

}  // namespace duet
