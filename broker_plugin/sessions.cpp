#include "broker_plugin/sessions.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace duet {

std::string_view Session::user_name() const {
  const auto& device = principal.device();
  return device ? std::string_view(device->user) : to_string(principal.role());
}

Session& Sessions::begin(Connection connection, const Principal& principal, Timestamp ends_at) {
  const auto [it, inserted] =
      sessions_.emplace(connection, Session{principal, principal.client_id(), ends_at, next_serial_++});
  assert(inserted);
  Session& session = it->second;
  if (const auto old = current_.find(session.client_id); old != current_.end()) {
    Session& before = sessions_.at(old->second);
    before.superseded = true;
    session.owes_offline = std::exchange(before.owes_offline, false);
    if (const auto& device = principal.device()) {
      std::ranges::replace(devices_of_.find(std::string_view(device->user))->second, old->second, connection);
    }
    old->second = connection;
  } else {
    current_.emplace(session.client_id, connection);
    if (const auto& device = principal.device()) devices_of_[device->user.str()].push_back(connection);
  }
  expect_end(connection, session);
  return session;
}

Session* Sessions::find(Connection connection, std::string_view client_id) {
  const auto it = sessions_.find(connection);
  return it != sessions_.end() && it->second.client_id == client_id ? &it->second : nullptr;
}

std::optional<Session> Sessions::end(Connection connection) {
  const auto it = sessions_.find(connection);
  if (it == sessions_.end()) return std::nullopt;
  std::optional<Session> ended(std::move(it->second));
  sessions_.erase(it);
  if (ended->superseded) return ended;
  current_.erase(ended->client_id);
  if (const auto& device = ended->principal.device()) {
    const auto devices = devices_of_.find(std::string_view(device->user));
    std::erase(devices->second, connection);
    if (devices->second.empty()) devices_of_.erase(devices);
  }
  return ended;
}

bool Sessions::connected(std::string_view client_id) const {
  return current_.find(client_id) != current_.end();
}

Connection Sessions::current(std::string_view client_id) const {
  const auto found = current_.find(client_id);
  return found != current_.end() ? found->second : nullptr;
}

std::size_t Sessions::devices_of(const UserId& user, std::string_view except) const {
  const auto devices = devices_of_.find(std::string_view(user));
  if (devices == devices_of_.end()) return 0;
  return devices->second.size() - (connected(except) ? 1 : 0);
}

void Sessions::extend(Session& session, Connection connection, Timestamp ends_at) {
  session.ends_at = ends_at;
  expect_end(connection, session);
}

void Sessions::renew(Session& session, Connection connection, Principal principal, Timestamp ends_at) {
  assert(principal.client_id() == session.client_id);
  session.principal = std::move(principal);
  extend(session, connection, ends_at);
}

void Sessions::end_where(const UserId& user, const std::function<bool(const Principal&)>& over) {
  const auto devices = devices_of_.find(std::string_view(user));
  if (devices == devices_of_.end()) return;
  for (const Connection connection : devices->second) {
    Session& session = sessions_.at(connection);
    if (over(session.principal)) extend(session, connection, Timestamp::min());
  }
}

void Sessions::expect_end(Connection connection, const Session& session) {
  constexpr std::size_t kFewEnough = 1024;
  expiries_.push({session.ends_at, connection, session.serial});
  if (expiries_.size() <= kFewEnough + 2 * sessions_.size()) return;
  std::vector<Expiry> live;
  for (const auto& [at, one] : sessions_) live.push_back({one.ends_at, at, one.serial});
  expiries_ = Expiries(std::greater<>(), std::move(live));
}

std::vector<std::string> Sessions::take_expired(Timestamp now) {
  std::vector<std::string> expired;
  while (!expiries_.empty() && expiries_.top().at <= now) {
    const Expiry expiry = expiries_.top();
    expiries_.pop();
    const auto it = sessions_.find(expiry.connection);
    if (it == sessions_.end() || it->second.serial != expiry.serial) continue;
    Session& session = it->second;
    // A superseded one is on its way out; a kick by client id would hit its successor.
    if (session.superseded || session.kicked || !session.expired(now)) continue;
    session.kicked = true;
    expired.push_back(session.client_id);
  }
  return expired;
}

std::vector<Device> Sessions::online() const {
  std::vector<Device> online;
  for (const auto& [connection, session] : sessions_) {
    const bool live = !session.superseded && session.stated == DeviceState::online;
    if (live && session.principal.device()) online.push_back(*session.principal.device());
  }
  return online;
}

}  // namespace duet
