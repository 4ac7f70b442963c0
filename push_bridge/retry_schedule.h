// push_bridge/retry_schedule.h: when a push that was not accepted is sent again.
//
//   not sent        0.6 s, doubling to 60 s      nothing was accepted: only the push's own end stops it
//   unknown         2 s, 10 s, then never        the service may have it: a third copy helps nobody
//   server error    10 s, doubling, for an hour  Google: never sooner than 10 s, give up by 60 min
//   too many        60 s, doubling, for an hour
//   not understood  30 s, 2 min, then never
//
// All are spread by ±50 %, so that pushes that failed together do not come back together; where the service
// names a least delay (Retry-After, 10 s, 60 s) only upwards.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string_view>

#include "protocol/names.h"

namespace duet {

using Delay = std::chrono::milliseconds;

// Owned by one sender. Not for secrets: the seed decides.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : random_(seed) {}

  Delay around(Delay middle) { return scaled(middle, 0.5, 1.5); }
  Delay at_least(Delay least) { return scaled(least, 1.0, 1.5); }

 private:
  Delay scaled(Delay delay, double low, double high);

  std::mt19937_64 random_;
};

// After the first failure of that cause, the second, …; nullopt: no more.
std::optional<Delay> delay_when_not_sent(int times, Jitter& jitter);
std::optional<Delay> delay_when_unknown(int times, Jitter& jitter);
std::optional<Delay> delay_of_server_error(int times, Jitter& jitter);
std::optional<Delay> delay_of_too_many(int times, Jitter& jitter);
std::optional<Delay> delay_when_not_understood(int times, Jitter& jitter);
// The steps one after another, the last again and again. Precondition: there are some.
Delay delay_of_steps(std::span<const std::chrono::seconds> steps, int times, Jitter& jitter);

// Retry-After (RFC 9110 10.2.3): seconds, or a date in any of the three forms of RFC 9110 5.6.7. At most a
// day. nullopt when it is neither.
std::optional<Delay> parse_retry_after(std::string_view text, Timestamp now);

}  // namespace duet
