#include "acl/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace duet {
namespace {

// Rounding in the sum of what flowed in must not withhold the token that was promised for now.
constexpr double kRounding = 1e-6;

// No rate of ours makes anybody wait longer; the bound keeps the conversion below defined.
constexpr double kMaxWaitMs = 24.0 * 60 * 60 * 1000;

// A bucket that never holds a whole token would refuse for ever.
double capacity(const RateLimit& limit) {
  return std::max(limit.burst, 1.0);
}

double level_at(double tokens, TokenBuckets::Clock::duration elapsed, const RateLimit& limit) {
  // The clock is the caller's: one that steps back must not drain the bucket.
  const double seconds = std::max(0.0, std::chrono::duration<double>(elapsed).count());
  return std::min(capacity(limit), tokens + seconds * limit.per_second);
}

// Until there is a whole token; nullopt: there is one.
std::optional<std::chrono::milliseconds> wait_at(double tokens, const RateLimit& limit) {
  if (tokens + kRounding >= 1) return std::nullopt;
  const double wait_ms = std::ceil((1 - tokens - kRounding / 2) * 1000 / limit.per_second);
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::clamp(wait_ms, 1.0, kMaxWaitMs)));
}

}  // namespace

BucketTaken take_token(const RateLimit& limit, std::optional<Timestamp> full_at, Timestamp now) {
  using std::chrono::milliseconds;
  const auto time_of = [&limit](double tokens) {
    return milliseconds(std::llround(std::min(tokens * 1000 / limit.per_second, kMaxWaitMs)));
  };
  if (limit.per_second <= 0) return {now, std::nullopt};
  const auto whole = time_of(capacity(limit));
  // A clock that stepped back, or a limit that was lowered, must not lock anybody out for longer than it
  // takes to fill the bucket.
  const Timestamp full = std::clamp(full_at.value_or(now), now, now + whole);
  const Timestamp next = full + time_of(1);
  if (next <= now + whole) return {next, std::nullopt};
  return {full, std::max(next - now - whole, milliseconds(1))};
}

std::optional<std::chrono::milliseconds> TokenBuckets::take(std::string_view key, Clock::time_point now,
                                                            double cost) {
  if (limit_.per_second <= 0) return std::nullopt;
  auto it = buckets_.find(key);
  if (it == buckets_.end()) {
    if (buckets_.size() >= forget_at_) forget_full(now);
    it = buckets_.emplace(std::string(key), Bucket{capacity(limit_), now}).first;
  }
  Bucket& bucket = it->second;
  bucket.tokens = level_at(bucket.tokens, now - bucket.at, limit_);
  bucket.at = std::max(bucket.at, now);
  const auto wait = wait_at(bucket.tokens, limit_);
  if (!wait) bucket.tokens = std::max(1.0, bucket.tokens) - cost;
  return wait;
}

std::optional<std::chrono::milliseconds> TokenBuckets::look(std::string_view key,
                                                            Clock::time_point now) const {
  const auto it = buckets_.find(key);
  if (limit_.per_second <= 0 || it == buckets_.end()) return std::nullopt;
  return wait_at(level_at(it->second.tokens, now - it->second.at, limit_), limit_);
}

// The next sweep comes when the survivors have doubled, so that its cost is constant per new key.
void TokenBuckets::forget_full(Clock::time_point now) {
  std::erase_if(buckets_, [&](const auto& entry) {
    const Bucket& bucket = entry.second;
    return level_at(bucket.tokens, now - bucket.at, limit_) + kRounding >= capacity(limit_);
  });
  forget_at_ = std::max<std::size_t>(1024, 2 * buckets_.size());
}

}  // namespace duet
