// store_service/subscriber.h: the store's connection to the broker.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "protocol/payload.h"
#include "protocol/topic.h"
#include "service/health.h"
#include "service/ready_file.h"
#include "store_service/config.h"
#include "store_service/presence_queue.h"
#include "store_service/publisher.h"
#include "store_service/push_asks.h"
#include "store_service/registered_users.h"
#include "store_service/request_workers.h"
#include "store_service/write_queue.h"

namespace duet {

// Routes what arrives into the queue it belongs to, and never waits: the handlers run on Paho's one thread.
// What finds no room is refused or asked for again. The queues outlive it, and it outlives those who publish.
class Subscriber final : public Publisher {
 public:
  struct Inboxes {
    WriteQueue& writes;
    PresenceQueue& presence;
    RequestQueue& requests;
    PushAsks& push_asks;
    RegisteredUsers& push_users;
  };

  // `broker` is told what keeps the connection from being there. It stays bad until the session is prepared,
  // which the writer knows. Ready file and state outlive it.
  Subscriber(const Config& config, const Inboxes& inboxes, ReadyFile& ready, Health::State& broker);

  // From here on it connects, and connects again, for ever.
  void start() { link_.start(); }

  PublishResult publish(Link::Publish message, std::function<void(bool)> on_done = {}) override {
    return link_.publish(std::move(message), std::move(on_done));
  }
  void reconnect() override { link_.reconnect(); }
  // As Link::silence.
  std::optional<std::string> trouble() const { return link_.silence(); }

 private:
  LinkOptions options(const Config& config) const;
  LinkHandlers link_handlers();
  void on_state(const std::string& state);
  void on_message(const LinkMessage& message);
  void route(const DeviceTopic& topic, const LinkMessage& message);
  void on_presence(const Device& device, const LinkMessage& message);
  void on_push(const Device& device, const LinkMessage& message);
  void on_push_devices(const LinkMessage& message);
  void on_push_bridge(ServiceKind kind, const LinkMessage& message);
  void on_typing(const LinkMessage& message);
  void on_names(const LinkMessage& message);
  void on_snapshot(const LinkMessage& message);
  void to_presence(PresenceEvent event);

  const PayloadLimits limits_;
  const std::size_t devices_per_user_;
  const Inboxes inboxes_;
  ReadyFile& ready_;
  Health::State& broker_;
  Link link_;  // last: its handlers use the rest
};

}  // namespace duet
