// push_bridge/users_teller.h: tells the store who has a push registration, so that it leaves out of its feed
// what concerns nobody else (docs/adr/0029-push-users.md).
//
// On every connection a set of users begins: those in the database, in pages, and then each who is added. Who
// is removed stays in the set, which costs events and no pushes. The bridge's thread owns it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/push_payload.h"
#include "push_bridge/registration_table.h"

namespace duet {

class UsersTeller {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kPagesAtOnce = 20;
  static constexpr std::chrono::milliseconds kPause{100};  // before the next of them
  static constexpr std::chrono::seconds kTellAgainEvery{10};
  static constexpr int kAnswersUntilLost = 3;

  // `tell` publishes a page; what it cannot publish makes the set useless until it is told again. The table
  // outlives it.
  UsersTeller(RegistrationTable& registrations, std::function<void(const PushUsers&)> tell);

  void connected(Clock::time_point now);
  void disconnected();
  // The user, who had no registration, has one now.
  void added(const UserId& user);

  // Tells what is to be told. Returns whether the set grew and is told as a whole.
  bool work(Clock::time_point now);
  // When to call work(); nullopt: there is nothing to tell.
  std::optional<Clock::time_point> next_work() const { return next_work_; }

  // What the store may be asked to keep to; nullopt: not everybody is told yet.
  std::optional<PushUsersTold> told() const;
  // Whether a page that keeps to that much of a set leaves out nobody who is registered now.
  bool covers(const PushUsersTold& only) const;
  // The store was asked to keep to the set, and has or has not. When it never does, it does not have the set:
  // that is told again.
  void answered(bool kept_to_it, Clock::time_point now);

 private:
  void begin_set(Clock::time_point now);
  void tell(std::vector<UserId> users);
  void tell_stored(Clock::time_point now);

  RegistrationTable& registrations_;
  const std::function<void(const PushUsers&)> tell_;
  PushUsersTold told_;                       // no pages: nothing is told on this connection
  std::uint64_t needed_ = 0;                 // the page of the last who was added
  std::vector<UserId> added_;                // and not told
  std::optional<std::string> stored_after_;  // in the database, who comes after is not told; nullopt: nobody
  std::optional<Clock::time_point> next_work_;      // nullopt: nothing to tell
  std::optional<Clock::time_point> tell_again_at_;  // not before; nullopt: not connected
  int without_ = 0;                                 // answers in a row that did not keep to the set
};

}  // namespace duet
