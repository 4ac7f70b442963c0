#include "push_bridge/feed_follower.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace duet {

FeedFollower::FeedFollower(PushDatabase& database, Decision& decision,
                           std::function<void(const PushFeedAsk&)> ask,
                           std::function<void(const PushUsers&)> tell)
    : database_(database),
      decision_(decision),
      users_(database.registrations(), std::move(tell)),
      ask_(std::move(ask)) {}

void FeedFollower::connected(Clock::time_point now) {
  users_.connected(now);
  asked_only_ = false;
  next_ask_ = Clock::time_point{};
  first_asked_.reset();
  answered_ = false;
}

void FeedFollower::disconnected() {
  users_.disconnected();
  next_ask_.reset();
  first_asked_.reset();
  answered_ = false;
}

void FeedFollower::keep_asking(Clock::time_point now) {
  if (users_.work(now) && next_ask_) next_ask_ = now;
  if (!next_ask_ || now < *next_ask_) return;
  const auto cursor = database_.cursor();
  PushFeedAsk ask{cursor.epoch, cursor.after};
  if (!ask_everything_) ask.only = users_.told();
  asked_only_ = ask.only.has_value();
  ask_(ask);
  next_ask_ = now + kAskEvery;
  if (first_asked_) return;
  first_asked_ = now;
  if (behind_since_) behind_since_ = now;  // what passed without a connection does not count
}

std::optional<FeedFollower::Clock::time_point> FeedFollower::next_ask() const {
  const auto work = users_.next_work();
  return work && next_ask_ ? std::min(*work, *next_ask_) : next_ask_;
}

void FeedFollower::apply(const PushFeedPage& page, const Instant& now) {
  const auto cursor = database_.cursor();
  if (page.reset) {
    if (page.epoch == cursor.epoch) return;  // the answer to an ask that was repeated
    reset(page);
  } else {
    if (page.epoch != cursor.epoch || page.after != cursor.after) return;
    // Somebody has registered since the store looked: it may have left out their messages.
    ask_everything_ = page.only && !users_.covers(*page.only);
    if (asked_only_) users_.answered(page.only.has_value(), now.steady);
    if (ask_everything_) {
      if (next_ask_) next_ask_ = now.steady;
      return;
    }
    for (const auto& event : page.events) {
      std::visit([&](const auto& what) { decision_.apply(what, now.wall); }, event);
    }
    database_.set_cursor({page.epoch, page.through});
    if (!page.more) behind_since_.reset();
    if (page.more && !behind_since_) behind_since_ = now.steady;
  }
  answered_ = true;
  if (next_ask_) next_ask_ = now.steady;
}

// Numbers of another epoch say nothing about this one.
void FeedFollower::reset(const PushFeedPage& page) {
  if (database_.cursor().epoch.empty()) {
    spdlog::info("the store's log is followed from {} on", page.through);
  } else {
    spdlog::warn("the store was restored: its log is followed from {} on; {} pushes of before are dropped",
                 page.through, database_.jobs().size());
  }
  database_.jobs().clear();
  database_.pushed().clear();
  database_.set_cursor({page.epoch, page.through});
  behind_since_.reset();
}

bool FeedFollower::caught_up(Clock::time_point now) const {
  if (!first_asked_) return false;
  if (behind_since_) return now - *behind_since_ >= kBehindAtMost;
  return answered_ || now - *first_asked_ >= kAskEvery;
}

}  // namespace duet
