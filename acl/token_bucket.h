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

#include "protocol/names.h"

namespace duet {

// `per_second` tokens flow in, at most `burst` gather. A rate of 0 means no limit.
struct RateLimit {
  double per_second = 0;
  double burst = 0;
};

// The same bucket as a moment that can be stored: when it will be full again. For a limit that must outlive
// the process, and come to the same when an event is applied again. Full at first.
struct BucketTaken {
  Timestamp full_at;  // to be stored; of a refusal: as it was, or earlier when it cannot have been true
  std::optional<std::chrono::milliseconds> wait;  // refused: how long until there is a token, at least 1 ms
};
BucketTaken take_token(const RateLimit& limit, std::optional<Timestamp> full_at, Timestamp now);

// One bucket per key (a user, a device). A full bucket is the same as none, so keys that are quiet for long
// enough to be full are forgotten: memory is bounded by the keys active within burst/per_second seconds.
class TokenBuckets {
 public:
  using Clock = std::chrono::steady_clock;

  explicit TokenBuckets(RateLimit limit) : limit_(limit) {}

  // Takes one token. Returns nullopt when there was one, otherwise how long until there is one (at least 1
  // ms). An event that is worth `cost` tokens needs one as well; the rest is a debt that flows in first.
  std::optional<std::chrono::milliseconds> take(std::string_view key, Clock::time_point now, double cost = 1);
  // What take would return. Takes none.
  std::optional<std::chrono::milliseconds> look(std::string_view key, Clock::time_point now) const;

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
