// push_bridge/push_link.h: the bridge's connection to the broker.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "mqtt_link/broker_settings.h"
#include "mqtt_link/link.h"
#include "protocol/payload.h"
#include "protocol/topic.h"
#include "push_bridge/bridge_input.h"
#include "service/health.h"
#include "service/ready_file.h"

namespace duet {

// Puts what arrives into the queue, and never waits: the handlers run on Paho's one thread. The queue, the
// ready file and the state outlive it.
class PushLink {
 public:
  // `health` is bad while there is no connection on which the bridge does its work.
  PushLink(const BrokerSettings& broker, BridgeQueue& queue, ReadyFile& ready, Health::State& health);

  // From here on it connects, and connects again, for ever.
  void start() { link_.start(); }
  // Nothing comes in any more when it returns.
  void stop() { link_.stop(); }
  // Any thread. Not after the link's end.
  PublishResult publish(Link::Publish message) { return link_.publish(std::move(message)); }
  void ask(const PushFeedAsk& ask);
  bool ask(const PushCheck& check);
  void tell(const PushDevices& devices);
  void tell(const PushUsers& users);
  // As Link::silence.
  std::optional<std::string> trouble() const { return link_.silence(); }
  // The bridge does its work on the present connection.
  void ready() {
    health_.good();
    ready_.open(session_);
  }

 private:
  LinkOptions options(const BrokerSettings& broker) const;
  LinkHandlers handlers();
  void on_state(const std::string& state);
  void on_message(const LinkMessage& message);
  void on_device(const DeviceTopic& topic, const LinkMessage& message);
  void on_service(const ServiceTopic& topic, const LinkMessage& message);
  void to_presence(BridgeInput input);
  template <typename Parsed>
  void put_answer(std::optional<Parsed> answer, const char* what);

  BridgeQueue& queue_;
  ReadyFile& ready_;
  Health::State& health_;
  std::atomic<std::uint64_t> session_ = 0;
  Link link_;  // last: its handlers use the rest
};

}  // namespace duet
