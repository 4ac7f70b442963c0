// broker_plugin/gate_status.h: how the gate is, as the broker's thread sees it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace duet {

struct JournalFailure {
  std::string why;
  std::chrono::steady_clock::time_point at;
};

struct GateStatus {
  bool store_attached = false;  // someone takes the records of every partition
  // The last append, if it failed.
  std::optional<JournalFailure> journal_failure{};
};

}  // namespace duet
