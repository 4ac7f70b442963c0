// Every topic and filter: subscribe, publish, will.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <variant>

#include "acl/access.h"
#include "privacy_kit/checks.h"
#include "protocol/frame.h"
#include "protocol/service_payload.h"

namespace duet::privacy {
namespace {

using nlohmann::json;

bool accepted(int code) {
  return code == kSuccess || code == kNoMatchingSubscribers;
}

// What the server should say to a publish: the table, and then the rules that follow it.
struct Expected {
  bool accepted;
  std::string code;  // on the error topic
};

Expected expect_publish(const Stage& stage, const Party& party, const std::string& topic) {
  if (!decide(party.principal, Access::publish, topic).allowed()) return {false, "not_authorized"};
  const auto parsed = parse_topic(topic);
  const auto* out = parsed ? std::get_if<OutTopic>(&*parsed) : nullptr;
  if (out == nullptr) return {true, ""};
  if (out->me == out->peer) return {false, "malformed"};
  if (stage.blocked(out->peer, out->me)) return {false, "blocked"};
  return {true, ""};
}

// A message for somebody's inbox, as only the store may have it delivered.
std::string forged_frame(const UserId& victim, const UserId& writer, const std::string& probe) {
  const json envelope{{"seq", 1}, {"id", probe},          {"from", writer.str()}, {"to", victim.str()},
                      {"ts", 1},  {"type", "text/plain"}, {"body", probe},        {"cur", "forged.1"}};
  const auto topic = format_topic(InTopic{victim, writer, InKind::message});
  const auto payload = envelope.dump();
  DeliverFrameBuilder frame;
  frame.add({1, topic, payload});
  return frame.take();
}

// A payload that the topic's own rules accept, and that changes nothing where it is accepted.
std::string payload_for(const Party& party, const Cast& cast, const std::string& topic,
                        const std::string& probe) {
  const auto parsed = parse_topic(topic);
  if (const auto* pipe = parsed ? std::get_if<PipeTopic>(&*parsed) : nullptr) {
    if (pipe->kind != PipeKind::deliver) {
      return format_ingest_control({*NodeId::parse("0123456789abcdef"), IngestControl::Kind::committed, 0});
    }
    if (!party.principal.device()) return DeliverFrameBuilder().take();
    return forged_frame(cast.users[1], cast.users[2], probe);
  }
  if (topic == "svc/auth/revocations") return format_revocation_update({});
  if (topic == "svc/store/blocks") return format_block_update({});
  if (topic == "svc/" + std::string(to_string(party.principal.role())) + "/token") return party.token;
  return json{{"probe", probe}, {"id", probe},       {"body", probe}, {"delivered", 1},
              {"typing", true}, {"state", "online"}, {"req", probe},  {"platform", nullptr}}
      .dump();
}

// It is refused where no push bridge runs, and that is no failure of the rules.
bool is_push_registration(const std::string& topic) {
  const auto parsed = parse_topic(topic);
  const auto* device = parsed ? std::get_if<DeviceTopic>(&*parsed) : nullptr;
  return device != nullptr && device->kind == DeviceKind::push;
}

struct Attempt {
  std::string topic;
  std::string action;
  std::string probe;
  Expected expected;
};

class Publishes {
 public:
  Publishes(Stage& stage, Party& party, const Cast& cast) : stage_(stage), party_(party), cast_(cast) {}

  void attempt(const std::string& topic, const std::string& action, const PublishFlags& flags) {
    const Cell cell{party_.name, action, topic};
    Attempt one{topic, action, stage_.ledger().probe(cell, party_.client_id()),
                expect_publish(stage_, party_, topic)};
    if (one.expected.accepted) permit(one);
    const int code = stage_.publish(party_, topic, payload_for(party_, cast_, topic, one.probe), flags);
    stage_.report().checked(cell);
    const bool tells = flags.qos > 0 && (stage_.refusals_in_puback() || code == kClosed);
    if (tells && accepted(code) != one.expected.accepted) {
      const std::string wanted = one.expected.accepted ? "accepted" : "refused: " + one.expected.code;
      if (accepted(code)) {
        stage_.report().leak(cell, wanted, "PUBACK: accepted");
      } else if (!is_push_registration(topic)) {
        stage_.report().broken(cell, wanted, "PUBACK: " + reason_text(code));
      }
    }
    attempts_.push_back(std::move(one));
    if (code == kClosed) stage_.revive();
  }

  void finish() {
    for (const auto& one : attempts_) await_stored(one);
    stage_.settle();
    for (const auto& one : attempts_) {
      if (one.expected.accepted) {
        check_arrival(one);
      } else {
        check_told(one);
      }
    }
  }

 private:
  void permit(const Attempt& one) {
    const auto parsed = parse_topic(one.topic);
    if (!parsed) return;
    if (const auto* out = std::get_if<OutTopic>(&*parsed)) {
      stage_.ledger().permit_conversation(one.probe, out->me, out->peer);
    } else {
      stage_.ledger().permit_topic(one.probe, one.topic);
    }
  }

  static const OutTopic* out_of(const std::optional<Topic>& topic) {
    return topic ? std::get_if<OutTopic>(&*topic) : nullptr;
  }

  // An accepted message is acknowledged by the store, after everything that was on its way before it.
  void await_stored(const Attempt& one) {
    const auto parsed = parse_topic(one.topic);
    const auto* out = out_of(parsed);
    if (out == nullptr || !one.expected.accepted || out->kind != OutKind::message) return;
    const auto topic = format_topic(InTopic{out->me, out->peer, InKind::sent});
    if (stage_.await(party_, topic, one.probe)) return;
    stage_.report().broken({party_.name, one.action, one.topic}, "the store's acknowledgement", "nothing");
  }

  // Between the two who have a conversation, what is accepted must arrive: or nothing arriving elsewhere
  // means nothing.
  void check_arrival(const Attempt& one) {
    const auto parsed = parse_topic(one.topic);
    const auto* out = out_of(parsed);
    if (out == nullptr || out->kind == OutKind::receipt || !friends(*out)) return;
    const bool typing = out->kind == OutKind::typing;
    const auto topic = format_topic(InTopic{out->peer, out->me, typing ? InKind::typing : InKind::message});
    if (stage_.ledger().arrived(topic, typing ? "true" : one.probe)) return;
    stage_.report().broken({party_.name, one.action, one.topic}, "arrives at the peer", "nothing arrived");
  }
  bool friends(const OutTopic& out) const {
    const auto alice = stage_.user("alice");
    const auto bob = stage_.user("bob");
    return (out.me == alice && out.peer == bob) || (out.me == bob && out.peer == alice);
  }

  // MQTT 3.1.1 has no refusal of its own, and QoS 0 none at all: the error topic says it. (The broker itself
  // refuses what begins with `$`.)
  void check_told(const Attempt& one) {
    if (!party_.principal.device() || one.topic.starts_with('$') || one.topic.empty()) return;
    const auto told = party_.refusals.find(one.topic);
    const bool found = told != party_.refusals.end() && std::find(told->second.begin(), told->second.end(),
                                                                  one.expected.code) != told->second.end();
    if (found) return;
    stage_.report().broken({party_.name, one.action, one.topic},
                           "told on the error topic: " + one.expected.code,
                           told == party_.refusals.end() ? "nothing" : told->second.back());
  }

  Stage& stage_;
  Party& party_;
  const Cast& cast_;
  std::vector<Attempt> attempts_;
};

// Messages go last: the acknowledgement of one proves that what was sent before it has gone its way.
std::vector<std::string> messages_last(std::vector<std::string> topics) {
  std::stable_partition(topics.begin(), topics.end(),
                        [](const std::string& topic) { return !topic.ends_with("/msg"); });
  return topics;
}

// A lost connection of a device of its own with this will. The broker has sent it, or not, when the same
// client can connect anew.
void lose_with_will(Stage& stage, const Party& party, const std::string& device, const std::string& topic,
                    const std::string& payload, bool retained) {
  ConnectPacket packet;
  packet.client_id = party.user().str() + ":" + device;
  packet.password = party.token;
  packet.will_topic = topic;
  packet.will_payload = payload;
  packet.will_retained = retained;
  const auto dying = stage.connect(packet);
  const int code = dying->connack();
  dying->drop();
  packet.will_topic.clear();
  const auto again = stage.connect(packet);
  if (code == kSuccess && again->connack() == kSuccess) return;
  stage.report().broken({party.name, "will", topic}, "a connection of its own",
                        "CONNACK: " + reason_text(code));
}

}  // namespace

void check_subscriptions(Stage& stage, Party& party, const Cast& cast) {
  for (const auto& filter : topic_filters(cast)) {
    // A second subscriber to the ingest frames would compete with the store that runs.
    if (party.principal.role() == Role::store && filter.starts_with("ingest/")) continue;
    const Cell cell{party.name, "subscribe", filter};
    const bool allowed = decide(party.principal, Access::subscribe, filter).allowed();
    const int code = stage.subscribe(party, filter);
    stage.report().checked(cell);
    const bool granted = code >= 0 && code < 0x80;
    if (granted && !allowed) stage.report().leak(cell, "refused", "SUBACK: granted");
    if (!granted && allowed) stage.report().broken(cell, "granted", "SUBACK: " + reason_text(code));
    const int refusal = stage.refusals_in_puback() ? kNotAuthorized : kSubscribeRefused311;
    if (!granted && !allowed && code != refusal) {
      stage.report().broken(cell, reason_text(refusal), "SUBACK: " + reason_text(code));
    }
    if (code == kClosed) stage.revive();
  }
  stage.settle();
}

void check_publishes(Stage& stage, Party& party, const Cast& cast) {
  Publishes publishes(stage, party, cast);
  for (const auto& topic : messages_last(topic_names(cast))) {
    publishes.attempt(topic, "publish", {.qos = 1, .retained = false});
    publishes.attempt(topic, "publish retained", {.qos = 1, .retained = true});
    publishes.attempt(topic, "publish QoS 0", {.qos = 0, .retained = false});
  }
  for (const auto& topic : messages_last(near_names(cast))) {
    publishes.attempt(topic, "publish", {.qos = 1, .retained = false});
  }
  publishes.finish();
}

void check_wills(Stage& stage, const Party& party, const Cast& cast) {
  for (const auto& topic : topic_names(cast)) {
    for (const bool retained : {true, false}) {
      const Cell cell{party.name, retained ? "will retained" : "will", topic};
      const auto device = stage.fresh_device();
      const auto me = Principal::of_device({party.user(), *DeviceId::parse(device)}, Timestamp::max());
      const auto probe = stage.ledger().probe(cell, me.client_id());
      if (decide(me, Access::will, topic).allowed()) stage.ledger().permit_topic(probe, topic);
      const json payload{{"state", "offline"}, {"id", probe}, {"body", probe}, {"typing", true}};
      lose_with_will(stage, party, device, topic, payload.dump(), retained);
      stage.report().checked(cell);
    }
  }
  stage.settle();
}

void check_nothing_retained(Stage& stage, const std::vector<Party*>& parties) {
  for (Party* party : parties) {
    for (const auto& filter : {inbox_filter(party->user()), device_filter(*party->principal.device())}) {
      const Cell cell{party->name, "receive", "retained: " + filter};
      stage.subscribe(*party, filter);  // again: whatever is retained comes again (MQTT 5 3.8.3.1)
      stage.report().checked(cell);
    }
  }
  stage.settle();
}

void check_service_deliveries(Stage& stage, Party& service, Party& device) {
  for (const auto filter : {kPresenceFilter, kPushFilter, kRequestFilter}) {
    stage.subscribe(service, std::string(filter));
  }
  struct Sent {
    std::string topic;
    std::string probe;
  };
  std::vector<Sent> sent;
  for (const auto& topic : {device.own(DeviceKind::presence), device.own(DeviceKind::push),
                            device.own(DeviceKind::request, "devices")}) {
    const Cell cell{service.name, "receive", topic};
    const auto probe = stage.ledger().probe(cell, device.client_id());
    if (decide(service.principal, Access::receive, topic).allowed())
      stage.ledger().permit_topic(probe, topic);
    stage.publish(device, topic, json{{"state", "online"}, {"platform", nullptr}, {"req", probe}}.dump());
    sent.push_back({topic, probe});
  }
  stage.settle();
  for (const auto& [topic, probe] : sent) {
    const Cell cell{service.name, "receive", topic};
    stage.report().checked(cell);
    // Nobody's registration is taken while only one of store and bridge would hear of it.
    if (topic == device.own(DeviceKind::push)) continue;
    const bool allowed = decide(service.principal, Access::receive, topic).allowed();
    if (allowed && !stage.ledger().arrived(topic, probe, service.client_id()))
      stage.report().broken(cell, "delivered", "nothing");
  }
}

}  // namespace duet::privacy
