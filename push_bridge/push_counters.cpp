#include "push_bridge/push_counters.h"

#include <fmt/format.h>

namespace duet {

std::string format_counters(const PushCounters& counters) {
  auto line = fmt::format(
      "messages {}, pushes wanted {}, joined {}, cancelled {}, refused {}, sent {}, retries {}, unknown {}, "
      "dead {}, "
      "expired {}; registered {}, refused registrations {}, dropped tokens {}",
      counters.messages, counters.wanted, counters.joined, counters.cancelled, counters.refused,
      counters.sent, counters.retries, counters.unknown, counters.dead, counters.expired, counters.registered,
      counters.bad_registrations, counters.dropped);
  for (const auto& [answer, count] : counters.answers) line += fmt::format("; {} {}", answer, count);
  return line;
}

}  // namespace duet
