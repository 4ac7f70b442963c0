#include "broker_plugin/presence.h"

#include <utility>

#include "protocol/service_payload.h"
#include "protocol/topic.h"

namespace duet {

void Presence::session_began(Session& session) {
  // The device was back before its `offline` was said: the new session has to say it one day.
  const auto& device = session.principal.device();
  if (device && went_offline_.erase(*device) != 0) session.owes_offline = true;
}

void Presence::session_ended(const Session& session) {
  if (session.owes_offline) went_offline_.insert(*session.principal.device());
}

void Presence::device_stated(Session& session, DeviceState state) {
  session.stated = state;
  session.owes_offline = state == DeviceState::online;
}

void Presence::tick() {
  for (const auto& topic : std::exchange(retained_, {})) {
    broker_.publish({.topic = topic, .payload = {}, .retain = true});
  }
  for (const auto& device : std::exchange(went_offline_, {})) {
    broker_.publish(
        {format_topic(DeviceTopic{device, DeviceKind::presence, {}}), format_presence(DeviceState::offline)});
  }
  if (std::exchange(snapshot_wanted_, false)) publish_snapshot();
}

void Presence::publish_snapshot() {
  const std::string topic = format_topic(ServiceTopic{"broker", ServiceKind::presence});
  PresenceSnapshot page{true, {}};
  for (auto& device : sessions_.online()) {
    if (page.online.size() == kServicePage) {
      broker_.publish({topic, format_presence_snapshot(page)});
      page = {};
    }
    page.online.push_back(std::move(device));
  }
  broker_.publish({topic, format_presence_snapshot(page)});
}

}  // namespace duet
