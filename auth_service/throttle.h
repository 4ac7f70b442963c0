// auth_service/throttle.h: how often passwords may be tried.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  // What take would return. Takes nothing.
  std::optional<std::chrono::milliseconds> look(std::string_view key, Clock::time_point now) const;

 private:
  const std::string salt_;
  mutable std::mutex mutex_;
  TokenBuckets buckets_;  // guarded by mutex_
};

// Keys that were added lately, in a table of bounded size, where a later one may take the place of an earlier
// one; the hash is salted as the throttle's. Thread-safe.
class RecentKeys {
 public:
  static constexpr std::size_t kSlots = std::size_t{1} << 16;

  RecentKeys();

  void add(std::string_view key);
  bool contains(std::string_view key) const;

 private:
  const std::string salt_;
  mutable std::mutex mutex_;
  std::vector<std::uint64_t> slots_;  // guarded by mutex_; hashes
};

// What is tried: somebody's password, the same by who has an access token of his, or a client's secret. Each
// kind has names of its own.
struct Secret {
  enum class Kind : std::uint8_t { password, password_beside_token, of_client } kind;
  std::string_view name;  // as the request has it
};

// An attempt counts for its address, and for its name at that address, whether it succeeds or not and whether
// there is such a name or not: the answer tells nothing. For the name alone only a failure counts, so that it
// takes many addresses to use that up; an address from which the name's secret was right lately is let
// through even then. Thread-safe.
class LoginThrottle {
 public:
  LoginThrottle(RateLimit per_account, RateLimit per_address, RateLimit failures_per_account);

  // Before the secret is checked. Nullopt: check it. Otherwise how long to wait.
  std::optional<std::chrono::milliseconds> take(const Secret& secret, const IpAddress& address,
                                                Throttle::Clock::time_point now);
  std::optional<std::chrono::milliseconds> take_address(const IpAddress& address,
                                                        Throttle::Clock::time_point now);
  // Afterwards.
  void failed(const Secret& secret, Throttle::Clock::time_point now);
  void succeeded(const Secret& secret, const IpAddress& address);

 private:
  Throttle accounts_;  // each at each address
  Throttle addresses_;
  Throttle failures_;  // of each account, from everywhere
  RecentKeys places_;  // accounts at addresses
};

}  // namespace duet
