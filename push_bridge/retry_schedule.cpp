#include "push_bridge/retry_schedule.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "push_bridge/http_date.h"

namespace duet {
namespace {

using std::chrono::seconds;

constexpr Delay kFirstWhenNotSent{600};
constexpr Delay kMostWhenNotSent = seconds(60);
constexpr std::array<seconds, 2> kWhenUnknown{seconds(2), seconds(10)};
constexpr Delay kFirstOfServerError = seconds(10);
constexpr Delay kFirstOfTooMany = seconds(60);
constexpr Delay kNoLonger = std::chrono::hours(1);
constexpr std::array<seconds, 2> kWhenNotUnderstood{seconds(30), seconds(120)};
constexpr Delay kMostRetryAfter = std::chrono::hours(24);

// first × 2^(times-1), at most `most`.
Delay doubled(Delay first, int times, Delay most) {
  Delay delay = first;
  for (int i = 1; i < times && delay < most; ++i) delay *= 2;
  return std::min(delay, most);
}

// Doubling from `first` while the delays so far, the next included, are an hour.
std::optional<Delay> within_an_hour(Delay first, int times, Jitter& jitter) {
  const Delay delay = doubled(first, times, kNoLonger);
  if (2 * delay - first > kNoLonger) return std::nullopt;  // their sum
  return jitter.at_least(delay);
}

std::optional<Delay> one_of(std::span<const seconds> steps, int times, Jitter& jitter) {
  const auto index = static_cast<std::size_t>(std::max(times, 1) - 1);
  if (index >= steps.size()) return std::nullopt;
  return jitter.around(steps[index]);
}

}  // namespace

Delay Jitter::scaled(Delay delay, double low, double high) {
  // Not a distribution of the standard library: those differ from one to another.
  const double random = static_cast<double>(random_() >> 11U) / static_cast<double>(std::uint64_t{1} << 53U);
  return Delay(static_cast<Delay::rep>(static_cast<double>(delay.count()) * (low + (high - low) * random)));
}

std::optional<Delay> delay_when_not_sent(int times, Jitter& jitter) {
  return jitter.around(doubled(kFirstWhenNotSent, times, kMostWhenNotSent));
}

std::optional<Delay> delay_when_unknown(int times, Jitter& jitter) {
  return one_of(kWhenUnknown, times, jitter);
}

std::optional<Delay> delay_of_server_error(int times, Jitter& jitter) {
  return within_an_hour(kFirstOfServerError, times, jitter);
}

std::optional<Delay> delay_of_too_many(int times, Jitter& jitter) {
  return within_an_hour(kFirstOfTooMany, times, jitter);
}

std::optional<Delay> delay_when_not_understood(int times, Jitter& jitter) {
  return one_of(kWhenNotUnderstood, times, jitter);
}

Delay delay_of_steps(std::span<const seconds> steps, int times, Jitter& jitter) {
  const auto index = static_cast<std::size_t>(std::max(times, 1) - 1);
  return jitter.around(steps[std::min(index, steps.size() - 1)]);
}

std::optional<Delay> parse_retry_after(std::string_view text, Timestamp now) {
  const bool digits = !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    std::int64_t count = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
    if (parsed.ec != std::errc() || count > kMostRetryAfter / seconds(1)) return kMostRetryAfter;
    return seconds(count);
  }
  const auto date = parse_http_date(text);
  if (!date) return std::nullopt;
  return std::clamp(std::chrono::duration_cast<Delay>(*date - now), Delay(0), kMostRetryAfter);
}

}  // namespace duet
