#include "push_bridge/users_teller.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "push_bridge/push_id.h"

namespace duet {

UsersTeller::UsersTeller(RegistrationTable& registrations, std::function<void(const PushUsers&)> tell)
    : registrations_(registrations), tell_(std::move(tell)) {}

void UsersTeller::connected(Clock::time_point now) {
  begin_set(now);
}

void UsersTeller::disconnected() {
  told_ = {};
  next_work_.reset();
  tell_again_at_.reset();
}

void UsersTeller::begin_set(Clock::time_point now) {
  told_ = {new_push_id(), 0};
  needed_ = 0;
  without_ = 0;
  added_.clear();  // they are in the database
  stored_after_ = "";
  next_work_ = now;
  tell_again_at_ = now + kTellAgainEvery;
}

void UsersTeller::added(const UserId& user) {
  if (!tell_again_at_) return;  // not connected: the next set has them
  added_.push_back(user);
  if (!next_work_) next_work_ = Clock::time_point{};
}

bool UsersTeller::work(Clock::time_point now) {
  if (!next_work_ || now < *next_work_) return false;
  next_work_.reset();
  while (!added_.empty()) {
    const auto end = added_.begin() + static_cast<std::ptrdiff_t>(std::min(added_.size(), kMaxPushUsers));
    tell({std::make_move_iterator(added_.begin()), std::make_move_iterator(end)});
    added_.erase(added_.begin(), end);
    needed_ = told_.pages;
  }
  if (stored_after_) tell_stored(now);
  return !stored_after_;
}

void UsersTeller::tell_stored(Clock::time_point now) {
  for (std::size_t page = 0; page < kPagesAtOnce && stored_after_; ++page) {
    auto users = registrations_.users_after(*stored_after_, kMaxPushUsers);
    if (users.size() < kMaxPushUsers) {
      stored_after_.reset();
    } else {
      stored_after_ = users.back().str();
    }
    tell(std::move(users));
  }
  if (stored_after_) next_work_ = now + kPause;
}

void UsersTeller::tell(std::vector<UserId> users) {
  ++told_.pages;
  tell_({told_, std::move(users)});
}

std::optional<PushUsersTold> UsersTeller::told() const {
  if (told_.pages == 0 || stored_after_ || !added_.empty()) return std::nullopt;
  return told_;
}

bool UsersTeller::covers(const PushUsersTold& only) const {
  return only.set == told_.set && only.pages >= needed_ && added_.empty();
}

void UsersTeller::answered(bool kept_to_it, Clock::time_point now) {
  without_ = kept_to_it ? 0 : without_ + 1;
  if (without_ >= kAnswersUntilLost && tell_again_at_ && now >= *tell_again_at_) begin_set(now);
}

}  // namespace duet
