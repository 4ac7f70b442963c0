// push_bridge/decision.h: which pushes are wanted, when they are due, and when they are not needed any more.
//
// No I/O but the database, and the caller brings the time. Every call is a part of the caller's transaction.
// The bridge's thread owns it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "protocol/push_payload.h"
#include "push_bridge/device_presence.h"
#include "push_bridge/lane_names.h"
#include "push_bridge/push_counters.h"
#include "push_bridge/push_database.h"

namespace duet {

struct DecisionRules {
  // How long a device that is online has to say that it got a message.
  std::chrono::seconds grace{10};
  // After the first, second, … push of a conversation to a device that has not confirmed; the last for all
  // others.
  std::vector<std::chrono::seconds> repeat_after{std::chrono::seconds(3), std::chrono::seconds(30),
                                                 std::chrono::minutes(5)};
  std::chrono::hours expire_after{24};
};

class Decision {
 public:
  // The silent push waits that long: several reads, and the reading device's own word, become one.
  static constexpr std::chrono::seconds kBadgeSettles{2};
  static constexpr std::chrono::seconds kBadgeEvery{60};

  // All outlive it.
  Decision(PushDatabase& database, const DevicePresence& presence, DecisionRules rules,
           PushCounters& counters, LaneNames lanes = LaneNames());

  const LaneNames& lanes() const { return lanes_; }
  // What waits goes to the lanes there are now, after a change of the configuration.
  void sort_into_lanes();

  // What the store tells.
  void apply(const PushMessage& message, Timestamp now);
  void apply(const PushReceipt& receipt, Timestamp now);

  // What the devices tell. The presence knows it already.
  void changed(const DevicePresence::Change& change, Timestamp now);
  void registered(const Registration& registration, Timestamp now);
  void unregistered(const Device& device, Timestamp now);

  // Whether the push is still wanted, as the store sees it at the moment of sending; if not, why.
  std::optional<std::string> objection(const PushJob& job,
                                       const std::optional<PushCheckAnswer::Standing>& standing) const;
  // The end of a job. `cancel` of one that is leased only notes it.
  void cancel(PushJob job, Superseded why, Timestamp now);
  void remove(const PushJob& job, std::string_view decided, std::string_view why, Timestamp now);
  // The push of `attempted` was accepted. What has come meanwhile wants another.
  void sent(const PushJob& attempted, Timestamp now);
  // The job as it is now, if it is still wanted after an attempt that failed; a cancelled one is gone.
  std::optional<PushJob> still_wanted(const PushJob& attempted, Timestamp now);

  // What was wanted for too long. Returns whether there may be more.
  bool expire(Timestamp now);

 private:
  void want(const RegistrationTable::Place& place, const PushMessage& message, Timestamp now);
  void join(PushJob job, const PushMessage& message, Timestamp now);
  void confirmed(const Device& device, const UserId& peer, Seq delivered, Timestamp now);
  void read(const Device& device, const std::string& lane, const PushReceipt& receipt, Timestamp now);
  void want_badge(const Device& device, const std::string& lane, const UserId& peer, Seq seq, Timestamp now);
  Timestamp first_due(const Device& device, Timestamp now) const;
  Timestamp damped_until(const Device& device, const UserId& peer);

  PushDatabase& database_;
  const DevicePresence& presence_;
  const DecisionRules rules_;
  const LaneNames lanes_;
  PushCounters& counters_;
  std::optional<Timestamp> told_full_;  // when the log last said so
};

}  // namespace duet
