// bench/reconnect.h: what happens when everybody has to come back at once?
//
// Devices, two by two in conversation, lose their broker to SIGKILL while they write. The supervisor starts
// another, and they come back as the client library does.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <ostream>
#include <vector>

#include "bench/chat_record.h"
#include "bench/stop_signal.h"

namespace duet {

struct ReconnectOptions {
  std::filesystem::path scratch;
  std::size_t clients = 10'000;
  bool websocket = false;         // they come by the gateway
  double rate = 500;              // messages/s of all pairs, throughout
  std::chrono::seconds calm{10};  // before the kill, and after all are back
  std::chrono::seconds patience{120};
  bool json = false;
};

struct ReconnectReport {
  using Milliseconds = std::chrono::milliseconds;
  struct Sample {
    Milliseconds at;  // since the kill
    std::size_t connected;
    std::size_t live;
  };
  std::vector<Sample> curve;
  std::size_t back = 0;  // live at the end
  std::uint64_t attempts = 0;
  std::uint64_t refused = 0;               // by CONNACK
  std::uint64_t failed = 0;                // attempts without a CONNACK: nobody listened, or not in time
  std::uint64_t cut_again = 0;             // connections that ended after the kill
  std::uint64_t not_synced = 0;            // syncs that were refused: no store was there
  std::uint64_t errors = 0;                // messages that were refused
  std::chrono::nanoseconds broker_cpu{0};  // of the new one, until all are back
  std::chrono::nanoseconds store_cpu{0};   // meanwhile
  ChatRecord::Verdict chat;

  // When so many had come: nullopt if they never had.
  std::optional<Milliseconds> connected_at(std::size_t count) const;
  std::optional<Milliseconds> live_at(std::size_t count) const;
};

// Starts a platform with the default limits. Throws std::runtime_error when the clients cannot even come the
// first time.
ReconnectReport measure_reconnect(const ReconnectOptions& options, const StopSignal& stop);

// Everybody is back, nobody was refused, nothing was lost.
bool all_well(const ReconnectOptions& options, const ReconnectReport& report);

void print_reconnect(const ReconnectOptions& options, const ReconnectReport& report, std::ostream& out);

}  // namespace duet
