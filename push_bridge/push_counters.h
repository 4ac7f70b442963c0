// push_bridge/push_counters.h: what the bridge has done since it began, for the log.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "service/histogram.h"

namespace duet {

// The bridge's thread owns it.
struct PushCounters {
  std::uint64_t messages = 0;   // told by the store
  std::uint64_t wanted = 0;     // pushes
  std::uint64_t joined = 0;     // messages that joined one that was wanted
  std::uint64_t cancelled = 0;  // pushes that were not needed any more
  std::uint64_t refused = 0;    // the outbox was full
  std::uint64_t sent = 0;
  std::uint64_t retries = 0;
  std::uint64_t unknown = 0;  // attempts of which nobody knows whether they were accepted
  std::uint64_t dropped = 0;  // tokens
  std::uint64_t dead = 0;     // pushes that can never be sent
  std::uint64_t expired = 0;
  std::uint64_t registered = 0;
  std::uint64_t bad_registrations = 0;
  std::map<std::string, std::uint64_t> answers;  // "apns/shop 410 Unregistered", …: at most kMaxReasons
  static constexpr std::size_t kMaxReasons = 200;
  // Of every push of a message that was sent: from the commit of the newest message it speaks of until the
  // provider had taken it. Waiting for a device that is online, and between pushes, is part of it.
  Histogram commit_to_sent;

  friend bool operator==(const PushCounters&, const PushCounters&) = default;
};

std::string format_counters(const PushCounters& counters);

}  // namespace duet
