// broker_plugin/typing.h: what peers were told of users who type (docs/adr/0007-typing.md).
//
// A user types to a peer while one of their devices does. A device does from its `true` to its `false`, its
// session's end, or kTypingExpiry after its last `true`. Only what changes is told, and `true` again whenever
// a device says it again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "acl/block_list.h"
#include "acl/token_bucket.h"
#include "broker_plugin/broker_port.h"
#include "broker_plugin/moment.h"
#include "broker_plugin/sessions.h"
#include "protocol/names.h"
#include "protocol/payload.h"

namespace duet {

// Used by the broker's thread alone.
class Typing {
 public:
  // To so many peers a device types at a time. With one more, the one it typed to first is told `false`.
  static constexpr std::size_t kMaxPeers = 4;

  Typing(bool require_consent, const BlockList& blocks, BrokerPort& broker);

  // A device says so. Precondition: the peer is another user who has not blocked this one.
  void device_stated(const Session& session, const UserId& peer, bool typing, Moment now);
  // The session may be any session. Its peers are told at the tick: a new session of the same device may have
  // begun to type by then.
  void session_ended(const Session& session);
  void tick(Moment now);

 private:
  struct State {
    std::uint64_t session;  // Session::serial
    UserId peer;
    std::chrono::steady_clock::time_point until;
  };
  // Of a user: at most kMaxPeers for each session.
  struct User {
    std::vector<State> states;                      // never empty, in the order in which they began
    std::chrono::steady_clock::time_point look_at;  // at or before the first `until`
  };
  using Users = std::unordered_map<UserId, User>;

  void begin(const UserId& me, std::uint64_t session, const UserId& peer, Moment now);
  // Ends the states for which `over` holds, and tells the peers to whom no device types any more.
  template <typename Over>
  void end_where(Users::iterator user, Over over, Moment now);
  void tell(const UserId& me, const UserId& peer, bool typing, Moment now);

  const bool require_consent_;
  const BlockList& blocks_;
  BrokerPort& broker_;
  Users users_;
  std::set<std::pair<std::chrono::steady_clock::time_point, UserId>> looks_;  // Invariant: those of users_
  // Bounded by the sessions that ended within one turn of the broker's loop.
  std::vector<std::pair<UserId, std::uint64_t>> ended_;
  TokenBuckets through_store_;
};

}  // namespace duet
