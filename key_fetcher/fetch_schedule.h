// key_fetcher/fetch_schedule.h: when to ask a provider again. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace duet {

inline constexpr std::chrono::seconds kDefaultRefresh{300};  // when nobody says anything
inline constexpr std::chrono::seconds kMinRefresh{30};       // of what the provider says
inline constexpr std::chrono::hours kMaxRefresh{24};
inline constexpr std::chrono::seconds kFirstRetry{1};
inline constexpr std::chrono::seconds kMaxRetry{300};

// After an answer: what is configured; otherwise `max-age` of its Cache-Control (RFC 9111 5.2.2.1), within
// the bounds; otherwise the default.
std::chrono::seconds refresh_after(std::optional<std::chrono::seconds> configured,
                                   std::string_view cache_control);

// After the nth failure in a row, from 1: doubling, and `random` of [0, 1) takes off up to a half, so that
// many who lost the same provider do not come back together.
std::chrono::milliseconds retry_after(int failures, double random);

}  // namespace duet
