#include "broker_plugin/typing.h"

#include <algorithm>

#include "protocol/service_payload.h"
#include "protocol/topic.h"

namespace duet {
namespace {

// Of all devices together, as each costs the store a look at the database.
constexpr RateLimit kTypingByStore{1000, 2000};

}  // namespace

Typing::Typing(bool require_consent, const BlockList& blocks, BrokerPort& broker)
    : require_consent_(require_consent), blocks_(blocks), broker_(broker), through_store_(kTypingByStore) {}

void Typing::device_stated(const Session& session, const UserId& peer, bool typing, Moment now) {
  const UserId& me = session.principal.device()->user;
  if (typing) {
    begin(me, session.serial, peer, now);
    return tell(me, peer, true, now);
  }
  const auto user = users_.find(me);
  const auto is_told = [&](const State& state) { return state.peer == peer; };
  if (user == users_.end() || std::ranges::none_of(user->second.states, is_told)) {
    return tell(me, peer, false, now);
  }
  end_where(
      user, [&](const State& state) { return state.session == session.serial && state.peer == peer; }, now);
}

void Typing::begin(const UserId& me, std::uint64_t session, const UserId& peer, Moment now) {
  const auto until = now.steady + kTypingExpiry;
  const auto [user, added] = users_.try_emplace(me, User{{}, until});
  if (added) looks_.emplace(until, me);
  auto& states = user->second.states;
  const auto mine = [&](const State& state) { return state.session == session; };
  const auto known =
      std::ranges::find_if(states, [&](const State& state) { return mine(state) && state.peer == peer; });
  if (known != states.end()) {
    known->until = until;
    return;
  }
  const bool full = static_cast<std::size_t>(std::ranges::count_if(states, mine)) >= kMaxPeers;
  const auto first = full ? std::ranges::find_if(states, mine)->peer : peer;
  states.push_back({session, peer, until});
  if (full) {
    end_where(
        user, [&](const State& state) { return mine(state) && state.peer == first; }, now);
  }
}

void Typing::session_ended(const Session& session) {
  const auto& device = session.principal.device();
  if (device && users_.contains(device->user)) ended_.emplace_back(device->user, session.serial);
}

void Typing::tick(Moment now) {
  for (const auto& [me, serial] : std::exchange(ended_, {})) {
    const auto user = users_.find(me);
    if (user == users_.end()) continue;
    end_where(
        user, [session = serial](const State& state) { return state.session == session; }, now);
  }
  while (!looks_.empty() && looks_.begin()->first <= now.steady) {
    end_where(
        users_.find(looks_.begin()->second), [&](const State& state) { return state.until <= now.steady; },
        now);
  }
}

template <typename Over>
void Typing::end_where(Users::iterator user, Over over, Moment now) {
  const UserId me = user->first;
  auto& [states, look_at] = user->second;
  std::vector<UserId> left;
  for (const State& state : states) {
    if (over(state)) left.push_back(state.peer);
  }
  std::erase_if(states, over);
  for (const UserId& peer : left) {
    const auto to_peer = [&](const State& state) { return state.peer == peer; };
    if (std::ranges::none_of(states, to_peer)) tell(me, peer, false, now);
  }
  looks_.erase({look_at, me});
  if (states.empty()) {
    users_.erase(user);
    return;
  }
  look_at = std::ranges::min(states, {}, &State::until).until;
  looks_.emplace(look_at, me);
}

// Where consent is required only the store knows whether the two have agreed to talk. Without a store it goes
// to nobody. The sender learns nothing either way.
void Typing::tell(const UserId& me, const UserId& peer, bool typing, Moment now) {
  if (blocks_.blocks(peer, me)) return;
  if (!require_consent_) {
    broker_.publish({.topic = format_topic(InTopic{peer, me, InKind::typing}),
                     .payload = format_typing(typing),
                     .qos = Qos::at_most_once});
    return;
  }
  if (through_store_.take("", now.steady)) return;
  broker_.publish({.topic = format_topic(ServiceTopic{"broker", ServiceKind::typing}),
                   .payload = format_typing_notice({me, peer, typing}),
                   .qos = Qos::at_most_once});
}

}  // namespace duet
