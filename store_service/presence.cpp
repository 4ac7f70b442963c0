#include "store_service/presence.h"

#include <algorithm>
#include <utility>

namespace duet {

bool Presence::User::online() const {
  return std::any_of(devices.begin(), devices.end(), [](const auto& entry) { return entry.second.online; });
}

void Presence::set_state(const Device& device, DeviceState state, const Moment& now) {
  const bool online = state == DeviceState::online;
  if (!online) drop_watches(device);
  if (snapshot_) {
    if (online) {
      snapshot_->insert(device);
    } else {
      snapshot_->erase(device);
    }
  }
  const auto known = users_.find(device.user);
  if (!online && (known == users_.end() || !known->second.devices.contains(device.device))) return;
  User& user = known != users_.end() ? known->second : users_[device.user];
  SeenDevice& seen = user.devices[device.device];
  if (seen.online == online) return;
  seen = {online, false, now.wall};
  if (!online) user.last_seen = std::max(user.last_seen.value_or(now.wall), now.wall);
  unsettle(device.user, user, now);
}

void Presence::apply(const PresenceSnapshot& page, const Moment& now) {
  if (page.reset) snapshot_.emplace();
  // set_state may find the snapshot ended in between: pages without a first one are only news.
  for (const auto& device : page.online) set_state(device, DeviceState::online, now);
  if (snapshot_ && page.online.size() < kServicePage) end_snapshot(now);
}

void Presence::end_snapshot(const Moment& now) {
  const auto online = *std::exchange(snapshot_, std::nullopt);
  std::vector<Device> gone;
  for (const auto& [id, user] : users_) {
    for (const auto& [device, seen] : user.devices) {
      if (seen.online && !online.contains({id, device})) gone.push_back({id, device});
    }
  }
  // Of a watcher that is not online nothing is known any more, not even that it is connected.
  for (const auto& [watcher, peers] : watched_by_) {
    if (!online.contains(watcher)) gone.push_back(watcher);
  }
  for (const auto& device : gone) set_state(device, DeviceState::offline, now);
  for (auto& [id, user] : users_) {
    const bool untold = std::any_of(user.watchers.begin(), user.watchers.end(),
                                    [](const auto& entry) { return !entry.second; });
    if (untold) unsettle(id, user, now);
  }
}

void Presence::lost(const std::vector<Update>& updates) {
  for (const auto& update : updates) {
    const auto known = users_.find(update.peer);
    if (known == users_.end()) continue;
    for (auto& [watcher, told] : known->second.watchers) {
      if (watcher.user == update.watcher) told.reset();
    }
  }
}

void Presence::apply(const BlockUpdate& update) {
  blocks_.apply(update);
  for (const auto& block : update.add) end_watches(block);
}

std::optional<PeerPresence> Presence::watch(const Device& watcher, const UserId& peer,
                                            std::optional<Timestamp> stored, const Moment& now) {
  if (blocks_.blocks(peer, watcher.user)) return std::nullopt;
  const auto known = users_.find(peer);
  PeerPresence answer{known != users_.end() && known->second.online(), stored};
  if (known != users_.end()) answer.last_seen = std::max(answer.last_seen, known->second.last_seen);
  if (answer.online) answer.last_seen = now.wall;

  User& user = users_[peer];
  const bool added = !user.watchers.contains(watcher);
  if (added && watches_ >= kMaxWatches) {
    forget_if_idle(peer);
    return answer;
  }
  user.watchers[watcher] = answer.online;
  watched_by_[watcher].insert(peer);
  if (added) ++watches_;
  return answer;
}

bool Presence::online(const Device& device) const {
  const auto user = users_.find(device.user);
  if (user == users_.end()) return false;
  const auto seen = user->second.devices.find(device.device);
  return seen != user->second.devices.end() && seen->second.online;
}

std::vector<DeviceId> Presence::online_devices(const UserId& user) const {
  std::vector<DeviceId> online;
  const auto known = users_.find(user);
  if (known == users_.end()) return online;
  for (const auto& [device, seen] : known->second.devices) {
    if (seen.online) online.push_back(device);
  }
  return online;
}

std::optional<Presence::Clock::time_point> Presence::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

Presence::Settled Presence::settle(const Moment& now) {
  Settled out;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.steady) {
    const UserId id = deadlines_.begin()->second;
    User& user = users_.at(id);
    if (user.unsettled_since) {
      settle(id, user, now, out);
    } else {
      schedule(id, user, std::nullopt);
      forget_if_idle(id);
    }
  }
  return out;
}

void Presence::settle(const UserId& id, User& user, const Moment& now, Settled& out) {
  const bool online = user.online();
  const PeerPresence presence{online, online ? now.wall : user.last_seen};
  const bool changed = std::exchange(user.settled_online, online) != online;
  std::optional<UserId> last_told;  // a user's devices stand side by side, and hear it by one publish
  for (auto& [watcher, told] : user.watchers) {
    const bool knows = std::exchange(told, online) == online;
    if ((knows && !changed) || last_told == watcher.user) continue;
    out.updates.push_back({watcher.user, id, presence});
    last_told = watcher.user;
  }
  for (auto& [device, seen] : user.devices) {
    if (!seen.stored) out.devices.push_back({{id, device}, seen.last_seen, std::nullopt});
    seen.stored = true;
  }
  std::erase_if(user.devices, [](const auto& entry) { return !entry.second.online; });
  user.unsettled_since.reset();
  schedule(id, user, online ? std::nullopt : std::optional(now.steady + kForgetAfter));
}

void Presence::unsettle(const UserId& id, User& user, const Moment& now) {
  if (!user.unsettled_since) user.unsettled_since = now.steady;
  schedule(id, user,
           std::min<Clock::time_point>(now.steady + debounce_, *user.unsettled_since + kMaxUnsettled));
}

void Presence::schedule(const UserId& id, User& user, std::optional<Clock::time_point> at) {
  if (user.deadline) deadlines_.erase({*user.deadline, id});
  user.deadline = at;
  if (at) deadlines_.emplace(*at, id);
}

void Presence::drop_watches(const Device& watcher) {
  const auto watched = watched_by_.find(watcher);
  if (watched == watched_by_.end()) return;
  const auto peers = std::move(watched->second);
  watched_by_.erase(watched);
  for (const auto& peer : peers) {
    users_.at(peer).watchers.erase(watcher);
    --watches_;
    forget_if_idle(peer);
  }
}

void Presence::end_watches(const Block& block) {
  const auto known = users_.find(block.blocker);
  if (known == users_.end()) return;
  std::erase_if(known->second.watchers, [&](const auto& entry) {
    const Device& watcher = entry.first;
    if (watcher.user != block.blocked) return false;
    const auto watched = watched_by_.find(watcher);
    watched->second.erase(block.blocker);
    if (watched->second.empty()) watched_by_.erase(watched);
    --watches_;
    return true;
  });
  forget_if_idle(block.blocker);
}

void Presence::forget_if_idle(const UserId& id) {
  const auto known = users_.find(id);
  if (known == users_.end()) return;
  const User& user = known->second;
  if (user.devices.empty() && user.watchers.empty() && !user.deadline) users_.erase(known);
}

}  // namespace duet
