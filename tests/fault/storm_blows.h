// tests/fault/storm_blows.h: what a storm does to a platform and its clients, one blow at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include "tests/fault/shifted_clock.h"
#include "tests/fault/storm.h"
#include "tests/fault/storm_clients.h"
#include "tests/support/small_disk.h"

namespace duet {

enum class Blow : std::uint8_t {
  kill_broker,
  kill_store,
  kill_both,
  kill_gateway,  // with it, every connection over WebSocket
  kill_library,  // the process with the clients of our library
  stop_broker,   // SIGSTOP for a while, then SIGCONT
  stop_store,
  tokens_end,  // what renews the services' tokens stops until they are over; the broker disconnects the
               // services
  disconnect,  // the broker sends DISCONNECT to everybody
  store_away,  // the same for long
  stop_node,   // the process with the clients of MQTT.js: their connections are half open
  drop_clients,
  stop_reading,
  journal_full,
  database_full,
  clock_forward,  // and back to where it was at the next one
  clock_back,
};
std::string_view to_string(Blow blow);
// Processes that it kills.
std::size_t kills(Blow blow);

struct StormDisks {
  SmallDisk journal;
  SmallDisk database;
};

// Used by one thread; all that it is given outlives it.
class StormBlows {
 public:
  StormBlows(TestPlatform& platform, StormClients& clients, StormDisks* disks, const ShiftedClock* clock,
             std::uint64_t seed);

  // The next blow of this seed.
  Blow next();
  // Strikes, and returns when what was stopped or full is well again (what was killed may not be back).
  void strike(Blow blow);
  // A pause until the next one, of this seed.
  std::chrono::milliseconds pause();
  void heal();

 private:
  std::chrono::milliseconds between(int low_ms, int high_ms);
  void stop(Service service, std::chrono::milliseconds time);
  void fill(const SmallDisk& disk);
  void end_tokens();
  void disconnect_all();

  TestPlatform& platform_;
  StormClients& clients_;
  StormDisks* disks_;
  const ShiftedClock* clock_;
  std::mt19937_64 random_;
  std::vector<Blow> choice_;  // as often in it as it is likely
};

}  // namespace duet
