#include "push_bridge/push_counters.h"

#include <fmt/format.h>

#include <chrono>

namespace duet {

std::string format_counters(const PushCounters& counters) {
  auto line = fmt::format(
      "messages {}, pushes wanted {}, joined {}, cancelled {}, refused {}, sent {}, retries {}, unknown {}, "
      "dead {}, "
      "expired {}; registered {}, refused registrations {}, dropped tokens {}",
      counters.messages, counters.wanted, counters.joined, counters.cancelled, counters.refused,
      counters.sent, counters.retries, counters.unknown, counters.dead, counters.expired, counters.registered,
      counters.bad_registrations, counters.dropped);
  if (counters.commit_to_sent.count() > 0) {
    const auto ms = [&](double percent) {
      return std::chrono::ceil<std::chrono::milliseconds>(counters.commit_to_sent.percentile(percent));
    };
    line += fmt::format("; from the commit until it was sent: p50 {} ms, p99 {} ms, at most {} ms",
                        ms(50).count(), ms(99).count(), ms(100).count());
  }
  for (const auto& [answer, count] : counters.answers) line += fmt::format("; {} {}", answer, count);
  return line;
}

}  // namespace duet
