#include "push_bridge/push_link.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <variant>

namespace duet {
namespace {

std::string store_topic(ServiceKind kind) {
  return format_topic(ServiceTopic{"store", kind});
}

}  // namespace

PushLink::PushLink(const BrokerSettings& broker, BridgeQueue& queue, ReadyFile& ready, Health::State& health)
    : queue_(queue), ready_(ready), health_(health), link_(options(broker), handlers()) {}

LinkOptions PushLink::options(const BrokerSettings& broker) const {
  LinkOptions options = link_options(broker);
  // The broker answers the subscription to presence with a snapshot: what that comes on is first.
  options.subscriptions = {{format_topic(ServiceTopic{"broker", ServiceKind::presence}), 1},
                           {std::string(kPresenceFilter), 1},
                           {std::string(kPushFilter), 1},
                           {store_topic(ServiceKind::feed), 1},
                           {store_topic(ServiceKind::check), 1},
                           {store_topic(ServiceKind::devices), 1}};
  return options;
}

LinkHandlers PushLink::handlers() {
  return {.on_connected =
              [this] {
                ++session_;
                queue_.push_beyond(BrokerConnected{});
              },
          .on_message = [this](const LinkMessage& message) { on_message(message); },
          .on_state = [this](const std::string& state) { on_state(state); }};
}

void PushLink::on_state(const std::string& state) {
  spdlog::info("broker: {}", state);
  if (link_.connected()) return health_.bad("connected to the broker, and behind the store's log");
  health_.bad("not connected to the broker: " + state);
  ready_.close(session_);
  queue_.push_beyond(BrokerLost{});
}

void PushLink::on_message(const LinkMessage& message) {
  const auto topic = parse_topic(message.topic);
  if (!topic || message.payload.empty()) return;
  if (const auto* device = std::get_if<DeviceTopic>(&*topic)) return on_device(*device, message);
  if (const auto* service = std::get_if<ServiceTopic>(&*topic)) return on_service(*service, message);
}

void PushLink::on_device(const DeviceTopic& topic, const LinkMessage& message) {
  // What the broker retained is older than its snapshot.
  if (topic.kind == DeviceKind::presence && !message.retained) {
    const auto state = parse_presence(message.payload, {});
    if (state) to_presence(DevicePresence::Change{topic.owner, *state == DeviceState::online});
  } else if (topic.kind == DeviceKind::push) {
    if (queue_.push(PushSaid{topic.owner, std::string(message.payload)})) return;
    spdlog::error("the bridge has too much to do: a registration of {} is lost",
                  format_client_id(topic.owner));
  }
}

void PushLink::on_service(const ServiceTopic& topic, const LinkMessage& message) {
  if (topic.kind == ServiceKind::presence) {
    auto page = parse_presence_snapshot(message.payload);
    if (!page) return spdlog::error("the broker's presence snapshot cannot be read");
    to_presence(*std::move(page));
  } else if (topic.kind == ServiceKind::feed) {
    put_answer(parse_push_feed_page(message.payload), "page of its log");
  } else if (topic.kind == ServiceKind::check) {
    put_answer(parse_push_check_answer(message.payload), "answer to a check");
  } else if (topic.kind == ServiceKind::devices) {
    put_answer(parse_push_devices_stored(message.payload), "answer about devices");
  }
}

void PushLink::to_presence(BridgeInput input) {
  if (queue_.push(std::move(input))) return;
  spdlog::error("the bridge has too much to do: connecting anew for a fresh snapshot of presence");
  link_.reconnect();
}

template <typename Parsed>
void PushLink::put_answer(std::optional<Parsed> answer, const char* what) {
  if (!answer) return spdlog::error("the store's {} cannot be read", what);
  if (!queue_.push(*std::move(answer)))
    spdlog::debug("no room for the store's {}: it is asked for again", what);
}

void PushLink::ask(const PushFeedAsk& ask) {
  link_.publish(
      {.topic = format_topic(ServiceTopic{"push", ServiceKind::feed}), .payload = format_push_feed_ask(ask)});
}

void PushLink::tell(const PushDevices& devices) {
  link_.publish({.topic = format_topic(ServiceTopic{"push", ServiceKind::devices}),
                 .payload = format_push_devices(devices)});
}

void PushLink::tell(const PushUsers& users) {
  link_.publish(
      {.topic = format_topic(ServiceTopic{"push", ServiceKind::users}), .payload = format_push_users(users)});
}

bool PushLink::ask(const PushCheck& check) {
  return link_.publish({.topic = format_topic(ServiceTopic{"push", ServiceKind::check}),
                        .payload = format_push_check(check)}) == PublishResult::accepted;
}

}  // namespace duet
