// broker_plugin/presence.h: what the store is told about devices that come and go.
//
// A device says `online` and `offline` itself, and its will says `offline`; those are ordinary publishes.
// This adds what they leave out: `offline` of a session that ended without either, the whole picture for a
// store that has just come, and the removal of retained wills (presence from before a restart must not
// count).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "broker_plugin/broker_port.h"
#include "broker_plugin/sessions.h"
#include "protocol/names.h"
#include "protocol/payload.h"

namespace duet {

// Used by the broker's thread alone. What it has to say, it says at the tick: by then everything of this turn
// has happened, and nothing of the next.
class Presence {
 public:
  Presence(Sessions& sessions, BrokerPort& broker) : sessions_(sessions), broker_(broker) {}

  void session_began(Session& session);
  void session_ended(const Session& session);
  void device_stated(Session& session, DeviceState state);
  // The broker routes a will on this topic right now, retained.
  void will_retained(std::string_view topic) { retained_.emplace_back(topic); }
  void snapshot_wanted() { snapshot_wanted_ = true; }
  void tick();

 private:
  void publish_snapshot();

  Sessions& sessions_;
  BrokerPort& broker_;
  // Both are bounded by the sessions that ended within one turn of the broker's loop.
  std::unordered_set<Device> went_offline_;
  std::vector<std::string> retained_;
  bool snapshot_wanted_ = false;
};

}  // namespace duet
