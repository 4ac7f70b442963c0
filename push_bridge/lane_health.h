// push_bridge/lane_health.h: whether a push service is worth asking, and whether its word on tokens is
// believed.
//
// Pure: the caller brings the time. The bridge's thread owns them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace duet {

// The circuit breaker of one sender. A few failures in a row close it for a second; then one push probes, and
// each that fails doubles the time, up to a minute; or for longer, if the service asks for it. A
// configuration that is wrong closes it for a minute at once.
class LaneHealth {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kFailuresInARow = 5;
  static constexpr std::chrono::seconds kFirstPause{1};
  static constexpr std::chrono::seconds kLongestPause{60};
  static constexpr std::chrono::minutes kLongestAsked{60};

  enum class Gate : std::uint8_t { open, probe, closed };  // probe: one push at a time
  Gate gate(Clock::time_point now) const;
  // When it lets a probe through; nullopt: it is open, or does so now.
  std::optional<Clock::time_point> closed_until(Clock::time_point now) const;

  // These return whether that is news: it was open and is not any more, or the other way round.
  bool succeeded();
  bool failed(Clock::time_point now,
              std::chrono::milliseconds least = {});  // least: what the service asks for
  bool misconfigured(Clock::time_point now);

 private:
  bool close(Clock::time_point now, std::chrono::seconds pause, std::chrono::milliseconds least = {});

  std::size_t failures_ = 0;
  std::chrono::seconds pause_{0};                  // the last; 0: it is open
  std::optional<Clock::time_point> closed_until_;  // while it is not open
};

// What a push service says of tokens that can be our own mistake: one wrong setting, and it says it of all.
class TokenLosses {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes kWindow{5};
  static constexpr std::uint64_t kEnough = 50;  // answers, to say that a share of them is too large
  static constexpr std::uint64_t kShare = 5;    // one in …

  // An answer about a token: it was taken, or the token is suspect.
  void note(bool suspect, Clock::time_point now);
  // More than a fifth of the last five minutes' answers: it is the configuration, not the tokens.
  bool too_many(Clock::time_point now) const;
  // The same of more than half: there is no use in going on.
  bool hopeless(Clock::time_point now) const;
  // Whether one more suspect token may be forgotten. With few answers: while the good ones are not fewer.
  bool may_drop(Clock::time_point now) const;

 private:
  struct Slice {
    Clock::time_point begin;
    std::uint64_t answers;
    std::uint64_t suspects;
  };
  Slice sum(Clock::time_point now) const;

  std::deque<Slice> slices_;  // of ten seconds, the last window of them
};

}  // namespace duet
