// acl/token_bucket.h: rate limits. Pure: the caller brings the time.
//
// Not synchronised: one thread owns a set of buckets.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace duet {

// `per_second` tokens flow in, at most `burst` gather. A rate of 0 means no limit.
struct RateLimit {
  double per_second = 0;
  double burst = 0;
};

// One bucket per key (a user, a device). A full bucket is the same as none, so keys that are quiet for long
// enough to be full are forgotten: memory is bounded by the keys active within burst/per_second seconds.
class TokenBuckets {
 public:
  using Clock = std::chrono::steady_clock;

  explicit TokenBuckets(RateLimit limit) : limit_(limit) {}

  // Takes one token. Returns nullopt when there was one, otherwise how long until there is one (at least 1
  // ms).
  std::optional<std::chrono::milliseconds> take(std::string_view key, Clock::time_point now);

  std::size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens;
    Clock::time_point at;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };

  void forget_full(Clock::time_point now);

  RateLimit limit_;
  std::unordered_map<std::string, Bucket, Hash, std::equal_to<>> buckets_;
  std::size_t forget_at_ = 1024;
};

}  // namespace duet
