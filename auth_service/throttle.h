// auth_service/throttle.h: how often passwords may be tried.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "acl/token_bucket.h"
#include "service/address.h"

namespace duet {

// A token bucket for each key, in a table of bounded size: keys that hash to the same of kSlots slots share
// one. The hash is salted at random, so nobody can choose a name that shares a bucket with his victim.
// Thread-safe.
class Throttle {
 public:
  using Clock = TokenBuckets::Clock;
  static constexpr std::size_t kSlots = std::size_t{1} << 17;

  explicit Throttle(RateLimit limit);

  // Nullopt: go on. Otherwise how long to wait.
  std::optional<std::chrono::milliseconds> take(std::string_view key, Clock::time_point now);

 private:
  const std::string salt_;
  std::mutex mutex_;
  TokenBuckets buckets_;  // guarded by mutex_
};

// Attempts are counted whether they succeed or not, and a name's whether there is an account or not: the
// answer tells nothing. The address comes first, so that one address cannot use up what others have on an
// account at more than its own rate.
class LoginThrottle {
 public:
  LoginThrottle(RateLimit per_account, RateLimit per_address);

  std::optional<std::chrono::milliseconds> take(std::string_view name, const IpAddress& address,
                                                Throttle::Clock::time_point now);
  std::optional<std::chrono::milliseconds> take_address(const IpAddress& address,
                                                        Throttle::Clock::time_point now);

 private:
  Throttle accounts_;
  Throttle addresses_;
};

}  // namespace duet
