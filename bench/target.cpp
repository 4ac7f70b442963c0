#include "bench/target.h"

#include <chrono>
#include <random>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "protocol/payload.h"
#include "protocol/topic.h"

namespace duet {
namespace {

constexpr std::chrono::hours kTokenLife{2};

Device device_of(const std::string& run, std::size_t pair, std::string_view side) {
  const auto user = UserId::parse("bench-" + run + "-" + std::to_string(pair) + std::string(side));
  const auto device = DeviceId::parse("load");
  if (!user || !device) throw std::logic_error("not a name: bench-" + run);
  return {*user, *device};
}

std::string sign_token(const SigningKey& key, const Device& device, Timestamp now) {
  // The platform's defaults; a platform with other names refuses the token.
  return key.sign({.issuer = "duet",
                   .audience = "duet",
                   .role = Role::chat,
                   .subject = device.user.str(),
                   .device = device.device,
                   .issued_at = now,
                   .expires_at = now + kTokenLife});
}

// A client as the contract describes one: will, both subscriptions.
ClientSpec duet_client(const Device& me, const UserId& peer, std::string token) {
  ClientSpec spec;
  spec.connect.client_id = format_client_id(me);
  spec.connect.user = me.user.str();
  spec.connect.password = std::move(token);
  spec.connect.will_topic = format_topic(DeviceTopic{me, DeviceKind::presence, {}});
  spec.connect.will_payload = format_presence(DeviceState::offline);
  spec.filters = {inbox_filter(me.user), device_filter(me)};
  spec.topics = {{format_topic(InTopic{me.user, peer, InKind::message}), Received::message},
                 {format_topic(InTopic{me.user, peer, InKind::sent}), Received::sent},
                 {format_topic(InTopic{me.user, peer, InKind::receipt}), Received::receipt},
                 {format_topic(DeviceTopic{me, DeviceKind::error, {}}), Received::error}};
  return spec;
}

}  // namespace

std::string random_run() {
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::random_device random;
  std::string run;
  for (int i = 0; i < 8; ++i) run.push_back(kDigits[random() % kDigits.size()]);
  return run;
}

Timestamp wall_now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::vector<ClientSpec> clients_of(const Target& target) {
  std::vector<ClientSpec> clients;
  for (const PairPlan& pair : target.pairs) {
    clients.push_back(pair.sender);
    clients.push_back(pair.recipient);
  }
  return clients;
}

Target duet_target(const Platform& platform, std::size_t pairs, const std::string& run, Timestamp now) {
  Target target{"duet", platform.address(), platform.processes(), Confirms::yes, {}};
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const Device a = device_of(run, pair, "a");
    const Device b = device_of(run, pair, "b");
    target.pairs.push_back({duet_client(a, b.user, sign_token(platform.signing_key(), a, now)),
                            duet_client(b, a.user, sign_token(platform.signing_key(), b, now)),
                            format_topic(OutTopic{a.user, b.user, OutKind::message}),
                            format_topic(OutTopic{b.user, a.user, OutKind::receipt})});
  }
  return target;
}

std::vector<ParticipantSpec> participants(const Platform& platform, std::size_t pairs, const std::string& run,
                                          Timestamp now, std::uint16_t keep_alive_s) {
  std::vector<ParticipantSpec> all;
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const Device a = device_of(run, pair, "a");
    const Device b = device_of(run, pair, "b");
    for (const auto& [me, peer] : {std::pair(a, b), std::pair(b, a)}) {
      ParticipantSpec spec{duet_client(me, peer.user, sign_token(platform.signing_key(), me, now)),
                           format_topic(DeviceTopic{me, DeviceKind::request, "sync"})};
      spec.client.connect.keep_alive_s = keep_alive_s;
      spec.client.topics.push_back({format_topic(DeviceTopic{me, DeviceKind::reply, {}}), Received::reply});
      all.push_back(std::move(spec));
    }
  }
  return all;
}

std::string message_topic_of(std::size_t pair, const std::string& run) {
  return format_topic(
      OutTopic{device_of(run, pair, "a").user, device_of(run, pair, "b").user, OutKind::message});
}

Target relay_target(const PlainRelay& relay, std::size_t pairs, const std::string& run) {
  Target target{"plain relay", relay.address(), relay.processes(), Confirms::no, {}};
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const Device a = device_of(run, pair, "a");
    const Device b = device_of(run, pair, "b");
    PairPlan plan;
    plan.sender.connect.client_id = format_client_id(a);
    plan.recipient.connect.client_id = format_client_id(b);
    plan.message_topic = "x/" + b.user.str();
    plan.recipient.filters = {plan.message_topic};
    plan.recipient.topics = {{plan.message_topic, Received::message}};
    target.pairs.push_back(std::move(plan));
  }
  return target;
}

}  // namespace duet
