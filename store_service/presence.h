// store_service/presence.h: who is online, who wants to know, and when they are told.
//
// Pure: the caller brings the time and does the sending. Not synchronised: one thread owns it.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "acl/block_list.h"
#include "protocol/envelope.h"
#include "protocol/names.h"
#include "protocol/payload.h"
#include "protocol/service_payload.h"
#include "store_service/store.h"

namespace duet {

// The same moment on both clocks: one for waiting, one for the calendar.
struct Moment {
  std::chrono::steady_clock::time_point steady;
  Timestamp wall;
};

// A device is online from its `online` to its `offline`; a user while one device is. A change is told to
// watchers when it has stood for the debounce time, and at the latest kMaxUnsettled after the first change
// that was not told yet. What is the same again by then is told only to those who have heard otherwise in
// between, from an answer.
class Presence {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kMaxUnsettled{8};  // the contract gives 10 s
  // After it a user who is offline and whom nobody watches is forgotten: the database has the last_seen by
  // then.
  static constexpr std::chrono::seconds kForgetAfter{60};
  // Beyond it a request is answered, but no updates follow.
  static constexpr std::size_t kMaxWatches = 1'000'000;

  explicit Presence(std::chrono::milliseconds debounce) : debounce_(debounce) {}

  void set_state(const Device& device, DeviceState state, const Moment& now);

  // A page of the broker's truth (svc/broker/presence). A page of fewer than kServicePage devices is the last
  // of its snapshot: then every device that was in none of the pages, and said nothing since the first, is
  // offline.
  void apply(const PresenceSnapshot& page, const Moment& now);

  // A block ends the watches of the one who is blocked.
  void apply(const BlockUpdate& update);

  // The answer to `watcher`, who from now on hears of changes until it goes offline. `stored` is the peer's
  // last_seen in the database. nullopt: the peer has blocked the watcher.
  std::optional<PeerPresence> watch(const Device& watcher, const UserId& peer,
                                    std::optional<Timestamp> stored, const Moment& now);

  bool blocks(const Block& block) const { return blocks_.blocks(block.blocker, block.blocked); }

  bool online(const Device& device) const;
  // Devices of the user that are online.
  std::vector<DeviceId> online_devices(const UserId& user) const;

  // When settle() has something to do.
  std::optional<Clock::time_point> next_deadline() const;

  struct Update {
    UserId watcher;
    UserId peer;
    PeerPresence presence;
  };
  struct Settled {
    std::vector<Update> updates;                          // for watchers
    std::vector<WriteTransaction::DeviceChange> devices;  // last_seen, for the database
  };
  Settled settle(const Moment& now);

  // Updates that did not reach the broker. The watchers hear it after the next snapshot.
  void lost(const std::vector<Update>& updates);

 private:
  struct SeenDevice {
    bool online = false;
    bool stored = true;  // last_seen is in the database
    Timestamp last_seen;
  };
  struct User {
    std::map<DeviceId, SeenDevice> devices;          // those that are online or not stored
    std::map<Device, std::optional<bool>> watchers;  // who wants to know, and what it was told for sure
    bool settled_online = false;                     // what watchers were told last
    std::optional<Timestamp> last_seen;              // when last a device went offline
    std::optional<Clock::time_point> unsettled_since;
    std::optional<Clock::time_point> deadline;

    bool online() const;
  };

  void schedule(const UserId& id, User& user, std::optional<Clock::time_point> at);
  void unsettle(const UserId& id, User& user, const Moment& now);
  void settle(const UserId& id, User& user, const Moment& now, Settled& out);
  void end_snapshot(const Moment& now);
  void drop_watches(const Device& watcher);
  void end_watches(const Block& block);
  void forget_if_idle(const UserId& id);

  const std::chrono::milliseconds debounce_;
  std::unordered_map<UserId, User> users_;
  std::unordered_map<Device, std::set<UserId>> watched_by_;   // Invariant: the same pairs as all `watchers`
  std::size_t watches_ = 0;                                   // how many pairs
  std::set<std::pair<Clock::time_point, UserId>> deadlines_;  // Invariant: the same as all `deadline`
  std::optional<std::unordered_set<Device>> snapshot_;  // online ones since its first page; none: not in one
  BlockList blocks_;
};

}  // namespace duet
