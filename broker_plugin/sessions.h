// broker_plugin/sessions.h: who is connected.
//
// The broker tells of a connection's end, but not of its beginning: a session begins when its CONNECT was
// accepted. A connection is known by the broker's own pointer. What keeps that safe:
//   - a pointer is live from the accepted CONNECT to the first DISCONNECT event for it. Later events for it
//   (a
//     persistent session has a second DISCONNECT when its client id comes again) find nothing and do nothing;
//   - the broker gives freed pointers to new connections, after their DISCONNECT event; should one come
//   without,
//     Gate::admit ends the old session first;
//   - check_retain_source asks with a made-up context on the stack: it is found by nobody, also because find
//     compares the client id.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "acl/principal.h"
#include "broker_plugin/connection.h"
#include "protocol/names.h"
#include "protocol/payload.h"

namespace duet {

struct Session {
  Principal principal;
  std::string client_id;
  Timestamp ends_at;  // its token's end, skew included, or that of its login
  std::uint64_t serial;
  // Another connection was accepted with this client id: all that this one may still do is send its will.
  bool superseded = false;
  bool kicked = false;
  DeviceState stated = DeviceState::offline;  // what the device said last
  // The device's last word to the store was `online`; somebody must say `offline` when it goes.
  bool owes_offline = false;
  // When the device was told last that a message is too large for it.
  std::optional<std::chrono::steady_clock::time_point> oversize_told = std::nullopt;

  bool expired(Timestamp now) const { return now >= ends_at; }
  // `user` of a device, the role of a service: the broker's user name for this connection.
  std::string_view user_name() const;
};

// Used by the broker's thread alone. References stay valid until the session ends.
class Sessions {
 public:
  // A connection of `principal` was accepted. A session with the same client id is superseded, and its debt
  // of an `offline` is this one's. Precondition: the connection is not live.
  Session& begin(Connection connection, const Principal& principal, Timestamp ends_at);
  // Null unless the connection is live and has this client id. O(1), no allocation.
  Session* find(Connection connection, std::string_view client_id);
  // The connection ended. Returns what it was; nullopt when it is not (or no longer) known.
  std::optional<Session> end(Connection connection);

  bool connected(std::string_view client_id) const;
  // The connection of the client id that is not superseded; null if it has no such connection.
  Connection current(std::string_view client_id) const;
  // Live devices of the user, not counting the one with `except`.
  std::size_t devices_of(const UserId& user, std::string_view except) const;
  void extend(Session& session, Connection connection, Timestamp ends_at);
  // As if its connection had been accepted with this principal. Precondition: it has the same client id.
  void renew(Session& session, Connection connection, Principal principal, Timestamp ends_at);
  // Of the user's live devices those that `over` says are over end now.
  void end_where(const UserId& user, const std::function<bool(const Principal&)>& over);
  // Client ids of sessions that are over and to be kicked; each session once.
  std::vector<std::string> take_expired(Timestamp now);
  // The devices that are online: live, and `online` was their last word.
  std::vector<Device> online() const;

  std::size_t size() const { return sessions_.size(); }
  std::size_t expected_ends() const { return expiries_.size(); }

 private:
  struct Expiry {
    Timestamp at;
    Connection connection;
    std::uint64_t serial;  // a pointer may be another session's by then
    friend bool operator>(const Expiry& a, const Expiry& b) { return a.at > b.at; }
  };
  using Expiries = std::priority_queue<Expiry, std::vector<Expiry>, std::greater<>>;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <typename Value>
  using ByName = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

  void expect_end(Connection connection, const Session& session);

  std::unordered_map<Connection, Session> sessions_;
  ByName<Connection> current_;                  // client id → the connection that is not superseded
  ByName<std::vector<Connection>> devices_of_;  // user → those of current_ that are the user's; never empty
  // Invariant: holds an entry for every live session's ends_at. Entries of ended sessions are dropped when
  // they come up or are the greater part, so that somebody who connects over and over costs no memory.
  Expiries expiries_;
  std::uint64_t next_serial_ = 1;
};

}  // namespace duet
