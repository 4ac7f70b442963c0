#include "store_service/subscriber.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <variant>

#include "file_io/crash_point.h"
#include "store_service/names_job.h"
#include "store_service/partition.h"

namespace duet {

Subscriber::Subscriber(const Config& config, const Inboxes& inboxes, ReadyFile& ready, Health::State& broker)
    : limits_(config.limits),
      devices_per_user_(config.devices_per_user),
      inboxes_(inboxes),
      ready_(ready),
      broker_(broker),
      link_(options(config), link_handlers()) {}

LinkOptions Subscriber::options(const Config& config) const {
  LinkOptions options = link_options(config.broker);
  // The broker answers the subscription to presence with a snapshot, and that to frames with hello: what they
  // are answered on comes first.
  options.subscriptions = {
      {format_topic(ServiceTopic{"broker", ServiceKind::presence}), 1},
      {std::string(kPresenceFilter), 1},
      {std::string(kPushFilter), 1},
      {std::string(kRequestFilter), 1},
      {format_topic(ServiceTopic{"broker", ServiceKind::typing}), 0},
      {format_topic(ServiceTopic{"push", ServiceKind::users}), 1},
      {format_topic(ServiceTopic{"push", ServiceKind::feed}), 1},
      {format_topic(ServiceTopic{"push", ServiceKind::check}), 1},
      {format_topic(ServiceTopic{"auth", ServiceKind::names}), 1},
      {format_topic(ServiceTopic{"push", ServiceKind::devices}), 1},
      {format_topic(PipeTopic{kPartition, PipeKind::ingest}), 1},
  };
  return options;
}

LinkHandlers Subscriber::link_handlers() {
  return {.on_connected = [this] { inboxes_.writes.connected(); },
          .on_message = [this](const LinkMessage& message) { on_message(message); },
          .on_state = [this](const std::string& state) { on_state(state); }};
}

void Subscriber::on_state(const std::string& state) {
  spdlog::info("broker: {}", state);
  if (link_.connected()) return broker_.bad("connected to the broker, whose messages are not taken yet");
  broker_.bad("not connected to the broker: " + state);
  if (const auto ended = inboxes_.writes.disconnected(); ended != 0) ready_.close(ended);
}

void Subscriber::on_message(const LinkMessage& message) {
  const auto topic = parse_topic(message.topic);
  if (!topic) return;
  if (const auto* device = std::get_if<DeviceTopic>(&*topic)) {
    route(*device, message);
  } else if (*topic == Topic(PipeTopic{kPartition, PipeKind::ingest})) {
    DUET_CRASH_POINT("ingest.received");
    if (!inboxes_.writes.push_frame(std::string(message.payload))) {
      spdlog::debug("no room for a frame: its node will send it again");
    }
  } else if (*topic == Topic(ServiceTopic{"broker", ServiceKind::presence})) {
    on_snapshot(message);
  } else if (*topic == Topic(ServiceTopic{"broker", ServiceKind::typing})) {
    on_typing(message);
  } else if (*topic == Topic(ServiceTopic{"auth", ServiceKind::names})) {
    on_names(message);
  } else if (const auto* service = std::get_if<ServiceTopic>(&*topic); service && service->role == "push") {
    on_push_bridge(service->kind, message);
  }
}

void Subscriber::route(const DeviceTopic& topic, const LinkMessage& message) {
  if (!message.retained) inboxes_.writes.note_seen(topic.owner.user);
  if (topic.kind == DeviceKind::presence) return on_presence(topic.owner, message);
  if (topic.kind == DeviceKind::push) return on_push(topic.owner, message);
  if (topic.kind != DeviceKind::request) return;
  ReaderTask request = RawRequest{topic.owner, topic.method, std::string(message.payload),
                                  std::string(message.correlation_data)};
  if (inboxes_.requests.push(std::move(request))) return;
  // NOLINTNEXTLINE(bugprone-use-after-move): a full queue leaves it
  refuse_request(*this, std::get<RawRequest>(request), limits_);
}

void Subscriber::on_presence(const Device& device, const LinkMessage& message) {
  // What the broker retained is older than its snapshot; an empty payload clears it.
  if (message.retained || message.payload.empty()) return;
  const auto state = parse_presence(message.payload, limits_);
  if (state) to_presence(StateChange{device, *state});
}

void Subscriber::on_push(const Device& device, const LinkMessage& message) {
  if (message.payload.empty()) return;
  const auto push = parse_push(message.payload, limits_);
  if (!push) return;
  const bool queued = inboxes_.writes.push_job(
      {[device, platform = push->platform, max = devices_per_user_](WriteTransaction& transaction) {
         transaction.touch_device({device, std::nullopt, platform}, max);
       },
       {},
       {}});
  if (!queued) spdlog::error("the writer has too much to do: a push registration is not stored");
}

void Subscriber::on_push_bridge(ServiceKind kind, const LinkMessage& message) {
  if (kind == ServiceKind::check) {
    if (!inboxes_.requests.push(RawPushCheck{std::string(message.payload)})) {
      spdlog::debug("no room for a check of push: it will be asked again");
    }
  } else if (kind == ServiceKind::feed) {
    if (auto ask = parse_push_feed_ask(message.payload)) return inboxes_.push_asks.put(*std::move(ask));
    spdlog::error("what push asks cannot be read");
  } else if (kind == ServiceKind::devices) {
    on_push_devices(message);
  } else if (kind == ServiceKind::users) {
    if (const auto users = parse_push_users(message.payload)) return inboxes_.push_users.put(*users);
    spdlog::error("a page of users with a push registration cannot be read");
  }
}

// Stored after the registrations that it is about: those have come before it.
void Subscriber::on_push_devices(const LinkMessage& message) {
  auto devices = parse_push_devices(message.payload);
  if (!devices) return spdlog::error("malformed svc/push/devices payload");
  auto stored = format_push_devices_stored({devices->req});
  const bool queued = inboxes_.writes.push_job(
      {[of = std::move(devices->of)](WriteTransaction& transaction) {
         for (const auto& [device, refused] : of) transaction.note_push(device, refused);
       },
       [this, stored = std::move(stored)] {
         publish({.topic = format_topic(ServiceTopic{"store", ServiceKind::devices}), .payload = stored});
       },
       {}});
  if (!queued) spdlog::debug("no room for what became of registrations: push tells it again");
}

void Subscriber::on_typing(const LinkMessage& message) {
  auto notice = parse_typing_notice(message.payload);
  if (!notice) {
    spdlog::error("the broker's word of typing cannot be read");
  } else if (!inboxes_.requests.push(*std::move(notice))) {
    spdlog::debug("no room for typing");
  }
}

// What is not answered is asked again: by then the database may work, or the writer have room.
void Subscriber::on_names(const LinkMessage& message) {
  auto ask = parse_names_ask(message.payload);
  if (!ask) return spdlog::error("malformed svc/auth/names payload");
  if (!inboxes_.writes.push_job(names_job(*std::move(ask), *this))) {
    spdlog::error("write queue full: accounts not noted");
  }
}

void Subscriber::on_snapshot(const LinkMessage& message) {
  auto snapshot = parse_presence_snapshot(message.payload);
  if (!snapshot) {
    spdlog::error("the broker's presence snapshot cannot be read");
    return;
  }
  for (const auto& device : snapshot->online) inboxes_.writes.note_seen(device.user);
  to_presence(*std::move(snapshot));
}

void Subscriber::to_presence(PresenceEvent event) {
  if (inboxes_.presence.push(std::move(event))) return;
  spdlog::error("presence has too much to do: connecting anew for a fresh snapshot");
  link_.reconnect();
}

}  // namespace duet
