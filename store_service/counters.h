// store_service/counters.h: what the store has done since it began, for the log.
#pragma once

#include <atomic>
#include <cstdint>

namespace duet {

// Written by any thread, read by the housekeeping thread.
struct Counters {
  std::atomic<std::uint64_t> frames{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> messages{0};
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::uint64_t> receipts{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> requests{0};
};

}  // namespace duet
