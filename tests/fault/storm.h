// tests/fault/storm.h: hundreds of clients of several SDKs chat while everything that can break does, again
// and again; then every client's record, the history and the marks of both sides are compared.
//
// docs/reliability.md says what is done and what came out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "tests/support/history_checker.h"

namespace duet {

// How long the services' tokens live in a storm. They are renewed after a third of it.
inline constexpr std::chrono::seconds kStormServiceTokenLife{9};

struct StormOptions {
  std::chrono::seconds duration{60};
  std::uint64_t seed = 1;                    // the same blows in the same order
  std::size_t users = 60;                    // in a ring: each talks to the next and to the one before
  std::size_t node_users = 16;               // of these have a device of MQTT.js too
  std::size_t library_users = 8;             // and of our own client library
  std::chrono::milliseconds interval{1000};  // between two messages of a device
  bool disks = true;                         // journal and database on small disks, which fill up
  bool clocks = true;                        // the clock jumps (not under the sanitizers)
  std::chrono::seconds patience{60};         // for a recovery, and for all to come to rest at the end
  // After each blow every process must be ready in that time. 0: it is measured, not judged.
  std::chrono::seconds ready_within{0};
  std::filesystem::path keep;  // data and records are copied there after a violation
};

struct StormReport {
  std::uint64_t seed = 0;
  std::size_t devices = 0;
  std::size_t published = 0;
  std::size_t acknowledged = 0;
  std::size_t stored = 0;
  std::size_t refused = 0;
  std::size_t kills = 0;
  // By kind of blow: until the next message was delivered, and until every process was ready.
  std::map<std::string, std::vector<std::chrono::milliseconds>> recoveries;
  std::map<std::string, std::vector<std::chrono::milliseconds>> readiness;
  std::vector<Violation> violations;
  std::vector<std::string> complaints;  // what else should not be: no recovery, a client that was refused

  bool clean() const { return violations.empty() && complaints.empty(); }
};
// A table for people.
std::ostream& operator<<(std::ostream& out, const StormReport& report);

// Runs it. `progress` gets a line for each blow. The process must have had one thread before, and be root
// when options.disks. Throws std::runtime_error when the platform cannot be started.
StormReport run_storm(const StormOptions& options, std::ostream& progress);

}  // namespace duet
