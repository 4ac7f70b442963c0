// push_bridge/feed_follower.h: follows the store's log, each event exactly once.
//
// The cursor moves in the transaction that applies a page; a page that is not the next one is no news. The
// caller brings the time and does the sending. The bridge's thread owns it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "protocol/push_payload.h"
#include "push_bridge/decision.h"
#include "push_bridge/instant.h"
#include "push_bridge/push_database.h"
#include "push_bridge/users_teller.h"

namespace duet {

class FeedFollower {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kAskEvery{1};
  // Who writes more than can be followed does not hold back all pushes for ever: what the check at the moment
  // of sending says must do then.
  static constexpr std::chrono::minutes kBehindAtMost{1};

  // `ask` and `tell` publish. The database and the decision outlive it.
  FeedFollower(PushDatabase& database, Decision& decision, std::function<void(const PushFeedAsk&)> ask,
               std::function<void(const PushUsers&)> tell);

  void connected(Clock::time_point now);
  void disconnected();
  // The user, who had no registration, has one now: their messages are in every page that is applied from
  // here on.
  void registered(const UserId& user) { users_.added(user); }
  // In the caller's transaction. After its commit keep_asking() asks on.
  void apply(const PushFeedPage& page, const Instant& now);
  // Asks if it is time to; call it after every page and at next_ask().
  void keep_asking(Clock::time_point now);
  std::optional<Clock::time_point> next_ask() const;

  // Whether what is known is what the store has, or as good as that: it had nothing more, or has not answered
  // for a second, or has had more for so long that there is no waiting for the end.
  bool caught_up(Clock::time_point now) const;

 private:
  void reset(const PushFeedPage& page);

  PushDatabase& database_;
  Decision& decision_;
  UsersTeller users_;
  const std::function<void(const PushFeedAsk&)> ask_;
  std::optional<Clock::time_point> next_ask_;      // none: not connected
  std::optional<Clock::time_point> first_asked_;   // on this connection
  bool answered_ = false;                          // on this connection
  std::optional<Clock::time_point> behind_since_;  // none: the last page was the last
  bool asked_only_ = false;                        // the last ask named a set of users
  bool ask_everything_ = false;  // the next does not: a page left out somebody who has registered since
};

}  // namespace duet
