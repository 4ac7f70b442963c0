// push_bridge/lane.h: one push service, and what the dispatcher has in hand for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "push_bridge/job_table.h"
#include "push_bridge/lane_health.h"
#include "push_bridge/sender.h"

namespace duet {

// A push that the store has nothing against.
struct CheckedPush {
  PushJob job;  // leased
  Registration registration;
  Notification notification;
  std::chrono::steady_clock::time_point checked_at;
  bool has_text = false;                 // a preview: the message, for this registration
  std::optional<HttpPost> request = {};  // once it was made
  std::string host = {};                 // of the request
};

struct Lane {
  std::string name;  // of LaneNames
  Sender& sender;    // of the dispatcher; lanes of one channel share it
  LaneHealth health = {};
  TokenLosses losses = {};
  std::chrono::steady_clock::time_point losses_told = {};  // when the log last said that there are too many
  std::size_t leased = 0;                                  // waiting for the store, ready and posted
  std::size_t posted = 0;                                  // of them
  std::list<CheckedPush> ready = {};                       // the oldest first
  // Jobs that waited for the service itself after they were tried, by id, and since when each had been due:
  // when it is well again they take their places among those that were not tried. Bounded by kMostPassedOver.
  std::map<std::int64_t, Timestamp> passed_over = {};
  static constexpr std::size_t kMostPassedOver = 2000;
  // The request for credentials: made and not posted yet, or on its way, or put off after a failure.
  std::optional<HttpPost> credentials = {};
  bool credentials_posted = false;
  std::chrono::steady_clock::time_point credentials_not_before = {};
};

}  // namespace duet
