#include "push_bridge/lane_health.h"

#include <algorithm>

namespace duet {
namespace {

constexpr std::chrono::seconds kSlice{10};

}  // namespace

LaneHealth::Gate LaneHealth::gate(Clock::time_point now) const {
  if (!closed_until_) return Gate::open;
  return now < *closed_until_ ? Gate::closed : Gate::probe;
}

std::optional<LaneHealth::Clock::time_point> LaneHealth::closed_until(Clock::time_point now) const {
  return closed_until_ && now < *closed_until_ ? closed_until_ : std::nullopt;
}

bool LaneHealth::succeeded() {
  const bool news = closed_until_.has_value();
  failures_ = 0;
  pause_ = std::chrono::seconds(0);
  closed_until_.reset();
  return news;
}

bool LaneHealth::failed(Clock::time_point now, std::chrono::milliseconds least) {
  if (!closed_until_) return ++failures_ >= kFailuresInARow && close(now, kFirstPause, least);
  if (now < *closed_until_) return false;  // it was on its way before
  return close(now, std::min(pause_ * 2, kLongestPause), least);
}

bool LaneHealth::misconfigured(Clock::time_point now) {
  return close(now, kLongestPause);
}

bool LaneHealth::close(Clock::time_point now, std::chrono::seconds pause, std::chrono::milliseconds least) {
  const bool news = !closed_until_;
  pause_ = pause;
  closed_until_ = now + std::max<std::chrono::milliseconds>(
                            pause, std::min<std::chrono::milliseconds>(least, kLongestAsked));
  return news;
}

void TokenLosses::note(bool suspect, Clock::time_point now) {
  while (!slices_.empty() && slices_.front().begin + kWindow < now) slices_.pop_front();
  if (slices_.empty() || slices_.back().begin + kSlice < now) slices_.push_back({now, 0, 0});
  ++slices_.back().answers;
  if (suspect) ++slices_.back().suspects;
}

TokenLosses::Slice TokenLosses::sum(Clock::time_point now) const {
  Slice sum{now, 0, 0};
  for (const auto& slice : slices_) {
    if (slice.begin + kWindow < now) continue;
    sum.answers += slice.answers;
    sum.suspects += slice.suspects;
  }
  return sum;
}

bool TokenLosses::too_many(Clock::time_point now) const {
  const auto all = sum(now);
  return all.answers >= kEnough && all.suspects * kShare > all.answers;
}

bool TokenLosses::hopeless(Clock::time_point now) const {
  const auto all = sum(now);
  return all.answers >= kEnough && all.suspects * 2 > all.answers;
}

bool TokenLosses::may_drop(Clock::time_point now) const {
  const auto all = sum(now);
  return all.answers >= kEnough ? !too_many(now) : all.answers - all.suspects >= all.suspects;
}

}  // namespace duet
