// bench/idle_websockets.h: does a crowd of browsers that say nothing slow down the messages of others?
//
// Pairs on TCP write to each other at a steady rate, in turns without and with the crowd at the gateway.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <ostream>
#include <vector>

#include "bench/load.h"
#include "bench/stop_signal.h"

namespace duet {

struct IdleOptions {
  std::filesystem::path scratch;
  std::size_t clients = 5000;  // WebSockets: connected, subscribed, live, and silent but for PINGREQ
  std::uint16_t keep_alive_s = 60;
  std::size_t pairs = 50;
  double rate = 500;  // messages/s of all pairs
  std::chrono::seconds phase{10};
  std::chrono::seconds settle{4};  // before each phase; longer than the debounce of presence
  std::size_t rounds = 3;          // each a phase without the crowd and one with it
  bool json = false;
};

struct IdleReport {
  struct Round {
    Measurement without;
    Measurement with;
  };
  std::vector<Round> rounds;
  std::uint64_t gateway_bytes_each = 0;  // anonymous memory by one connection, in the first round
  std::uint64_t broker_bytes_each = 0;
  std::uint64_t lost = 0;  // idle connections that ended while they should not
  Faults faults;

  // Nobody was cut off and every message arrived: otherwise the figures mean nothing.
  bool valid() const { return lost == 0 && faults.total() == 0; }
};

// Starts a platform with the default limits. Throws std::runtime_error when something cannot be measured.
IdleReport measure_idle(const IdleOptions& options, const StopSignal& stop);

void print_idle(const IdleOptions& options, const IdleReport& report, std::ostream& out);

}  // namespace duet
