#include "tests/support/test_device.h"

#include <atomic>
#include <stdexcept>

#include "protocol/json_codec.h"
#include "protocol/payload.h"
#include "tests/support/platform_test.h"
#include "tests/support/test_platform.h"

namespace duet {
namespace {

using nlohmann::json;

UserId user_id(const std::string& name) {
  auto user = UserId::parse(name);
  if (!user) throw std::invalid_argument("not a user name: " + name);
  return *user;
}

std::string out_topic(const std::string& me, const std::string& peer, OutKind kind) {
  return format_topic(OutTopic{user_id(me), user_id(peer), kind});
}

std::string describe(const std::vector<Received>& inbox) {
  constexpr std::size_t kShown = 40;
  std::string text = "received " + std::to_string(inbox.size()) + ":\n";
  const std::size_t from = inbox.size() > kShown ? inbox.size() - kShown : 0;
  for (std::size_t i = from; i < inbox.size(); ++i) {
    text += "  " + inbox[i].topic + " " + inbox[i].payload.substr(0, 200) + "\n";
  }
  return text;
}

}  // namespace

std::string fresh_user(const std::string& name) {
  static std::atomic<int> count{0};
  return name + "." + std::to_string(++count);
}

std::string msg_topic(const std::string& me, const std::string& peer) {
  return out_topic(me, peer, OutKind::message);
}
std::string receipt_topic(const std::string& me, const std::string& peer) {
  return out_topic(me, peer, OutKind::receipt);
}
std::string typing_topic(const std::string& me, const std::string& peer) {
  return out_topic(me, peer, OutKind::typing);
}
std::string in_topic(const std::string& me, const std::string& peer, InKind kind) {
  return format_topic(InTopic{user_id(me), user_id(peer), kind});
}

TestDevice::TestDevice(const TestPlatform& platform, std::string user, std::string device,
                       MqttVersion version)
    : platform_(platform), user_(std::move(user)), device_(std::move(device)), version_(version) {
  spec_.port = platform.mqtt_port();
  spec_.version = version;
  spec_.client_id = user_ + ":" + device_;
  spec_.username = user_;
  spec_.will = Publish{presence_topic(), format_presence(DeviceState::offline), 1, true, {}};
}

int TestDevice::connect() {
  mqtt_.reset();
  ConnectSpec spec = spec_;
  if (!spec.password) spec.password = platform_.tokens().chat(user_);
  mqtt_ = std::make_unique<TestClient>(std::move(spec));
  return mqtt_->connect();
}

void TestDevice::go_online() {
  int answer = kNoAnswer;
  eventually([&] { return (answer = connect()) != kNoAnswer; });
  if (answer != kSuccess) throw std::runtime_error(user_ + ": CONNACK " + std::to_string(answer));
  for (const std::string& filter : {inbox(), device_topics()}) {
    const int granted = mqtt_->subscribe(filter);
    if (granted != 1) throw std::runtime_error(filter + ": SUBACK " + std::to_string(granted));
  }
  round_trip();
}

void TestDevice::await_store() {
  if (!eventually([&] { return error_of("devices") != "unavailable"; })) {
    throw std::runtime_error("the store does not come back\n" + platform_.logs());
  }
}

std::string TestDevice::own(DeviceKind kind, const std::string& method) const {
  return format_topic(DeviceTopic{{user_id(user_), *DeviceId::parse(device_)}, kind, method});
}

std::string TestDevice::device_topics() const {
  return device_filter({user_id(user_), *DeviceId::parse(device_)});
}

int TestDevice::publish_message(const std::string& peer, const std::string& body, const std::string& id) {
  json payload = {{"body", body}};
  if (!id.empty()) payload["id"] = id;
  return mqtt_->publish({.topic = msg_topic(user_, peer), .payload = payload.dump(), .correlation = {}});
}

std::string TestDevice::fresh_id() {
  static std::atomic<int> count{0};
  return "id-" + std::to_string(++count);
}

Envelope TestDevice::send(const std::string& peer, const std::string& body) {
  return send(peer, body, fresh_id());
}

Envelope TestDevice::send(const std::string& peer, const std::string& body, const std::string& id) {
  const int reason = publish_message(peer, body, id);
  if (!accepted(reason)) throw std::runtime_error("PUBACK " + std::to_string(reason) + " to " + user_);
  return wait_sent(peer, id);
}

void TestDevice::receipt(const std::string& peer, const std::string& member, Seq seq) {
  mqtt_->publish(
      {.topic = receipt_topic(user_, peer), .payload = json{{member, seq}}.dump(), .correlation = {}});
}

std::vector<Envelope> TestDevice::live(const std::string& peer, InKind kind) const {
  std::vector<Envelope> envelopes;
  const std::string topic = in_topic(user_, peer, kind);
  for (const Received& received : mqtt_->inbox()) {
    if (received.topic != topic) continue;
    auto envelope = parse_envelope(received.payload);
    if (!envelope) throw std::runtime_error("no envelope: " + received.payload);
    envelopes.push_back(std::move(*envelope));
  }
  return envelopes;
}

Received TestDevice::wait_for(const std::function<bool(const Received&)>& match,
                              const std::string& what) const {
  auto received = mqtt_->wait_for(match);
  if (!received) {
    throw std::runtime_error(user_ + " waits in vain for " + what + "; " + describe(mqtt_->inbox()));
  }
  return *received;
}

Envelope TestDevice::wait_envelope(const std::string& peer, InKind kind, const std::string& id) const {
  const std::string topic = in_topic(user_, peer, kind);
  std::optional<Envelope> envelope;
  wait_for(
      [&](const Received& received) {
        if (received.topic != topic) return false;
        envelope = parse_envelope(received.payload);
        return envelope && envelope->id.str() == id;
      },
      topic + " " + id);
  return *envelope;
}

Envelope TestDevice::wait_sent(const std::string& peer, const std::string& id) const {
  return wait_envelope(peer, InKind::sent, id);
}
Envelope TestDevice::wait_message(const std::string& peer, const std::string& id) const {
  return wait_envelope(peer, InKind::message, id);
}

Receipt TestDevice::wait_receipt(const std::string& peer, const std::string& by, Seq delivered,
                                 Seq read) const {
  const std::string topic = in_topic(user_, peer, InKind::receipt);
  std::optional<Receipt> receipt;
  wait_for(
      [&](const Received& received) {
        if (received.topic != topic) return false;
        receipt = parse_receipt_event(received.payload);
        return receipt && receipt->by.str() == by && receipt->delivered >= delivered && receipt->read >= read;
      },
      "a receipt by " + by + " up to " + std::to_string(delivered) + "/" + std::to_string(read));
  return *receipt;
}

std::vector<ErrorEvent> TestDevice::errors() const {
  std::vector<ErrorEvent> errors;
  for (const Received& received : mqtt_->inbox()) {
    if (received.topic != error_topic()) continue;
    auto error = parse_error(received.payload);
    if (!error) throw std::runtime_error("no error event: " + received.payload);
    errors.push_back(std::move(*error));
  }
  return errors;
}

ErrorEvent TestDevice::wait_error(ErrorCode code, const std::string& topic) const {
  std::optional<ErrorEvent> error;
  wait_for(
      [&](const Received& received) {
        if (received.topic != error_topic()) return false;
        error = parse_error(received.payload);
        return error && error->refusal.code == code && error->topic == topic;
      },
      "error " + std::string(to_string(code)) + " for " + topic);
  return *error;
}

json TestDevice::request(const std::string& method, json parameters) {
  static std::atomic<int> count{0};
  const std::string req = "r" + std::to_string(++count);
  parameters["req"] = req;
  const int reason =
      mqtt_->publish({.topic = request_topic(method), .payload = parameters.dump(), .correlation = {}});
  if (reason == kNoAnswer) throw std::runtime_error(user_ + " lost its connection in " + method);
  json reply;
  wait_for(
      [&](const Received& received) {
        // Old replies may be many and large: only this one is parsed.
        if (received.topic != reply_topic() || received.payload.find(req) == std::string::npos) return false;
        reply = received.json();
        return reply.is_object() && reply.value("req", "") == req;
      },
      "the reply to " + method);
  return reply;
}

json TestDevice::result(const std::string& method, json parameters) {
  json reply = request(method, std::move(parameters));
  if (!reply.contains("result")) throw std::runtime_error(method + " fails: " + reply.dump());
  return reply.at("result");
}

std::string TestDevice::error_of(const std::string& method, json parameters) {
  const json reply = request(method, std::move(parameters));
  return reply.contains("error") ? reply.at("error").value("code", "none") : "";
}

std::vector<Envelope> TestDevice::history(const std::string& with) {
  std::vector<Envelope> all;
  for (;;) {
    const json page =
        result("history", {{"with", with}, {"after", all.empty() ? 0 : all.back().seq}, {"limit", 200}});
    for (const json& message : page.at("messages")) {
      auto envelope = envelope_from(message);
      if (!envelope) throw std::runtime_error("no envelope in history: " + message.dump());
      all.push_back(std::move(*envelope));
    }
    if (!page.at("more").get<bool>()) return all;
    if (page.at("messages").empty()) throw std::runtime_error("an empty page of history says `more`");
  }
}

Synced TestDevice::sync(const std::string& cursor, std::optional<int> limit) {
  Synced synced{.changes = {}, .cursor = cursor};
  for (;;) {
    json parameters = json::object();
    if (!synced.cursor.empty()) parameters["cursor"] = synced.cursor;
    if (limit) parameters["limit"] = *limit;
    const json page = result("sync", std::move(parameters));
    ++synced.pages;
    for (const json& change : page.at("changes")) synced.changes.push_back(change);
    synced.cursor = page.at("cursor").get<std::string>();
    if (page.at("live").get<bool>()) return synced;
    if (page.at("changes").empty()) throw std::runtime_error("an empty page of sync is not live");
  }
}

void TestDevice::round_trip() {
  static std::atomic<int> count{0};
  // A member the contract does not know: readers skip it, and the echo can be told from others.
  const std::string marker = json{{"state", "online"}, {"marker", ++count}}.dump();
  const int reason =
      mqtt_->publish({.topic = presence_topic(), .payload = marker, .retain = true, .correlation = {}});
  if (!accepted(reason))
    throw std::runtime_error(user_ + ": PUBACK " + std::to_string(reason) + " to presence");
  wait_for([&](const Received& received) { return received.payload == marker; }, "its own marker");
}

void settle(TestDevice& from, TestDevice& to, TestDevice& watcher) {
  const std::string id = TestDevice::fresh_id();
  from.publish_message(to.user(), "marker", id);
  to.wait_message(from.user(), id);
  watcher.round_trip();
}

}  // namespace duet
