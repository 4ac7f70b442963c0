// tests/unit/client/fake_store.h: a store service to a client on a plain broker, which does what a test
// wants.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "mqtt_link/link.h"
#include "protocol/envelope.h"
#include "protocol/json_codec.h"
#include "protocol/payload.h"
#include "protocol/topic.h"
#include "tests/support/patience.h"

namespace duet {

// Stores what alice sends to bob, and answers her `sync`, `conversations` and `history`. Thread-safe.
class FakeStore {
 public:
  explicit FakeStore(const std::string& uri) : link_(options(uri), handlers()) { link_.start(); }

  // Whether messages are stored; else they are written down and not answered.
  void set_storing(bool storing) {
    const std::lock_guard lock(mutex_);
    storing_ = storing;
  }
  // Messages are refused with that error instead.
  void set_refusing(std::optional<ErrorEvent> error) {
    const std::lock_guard lock(mutex_);
    refusing_ = std::move(error);
  }
  // A message of bob's, delivered when alice is subscribed, and in her log.
  void say(const std::string& body) {
    const std::lock_guard lock(mutex_);
    append(bob_, MessageId::parse("b" + std::to_string(log_.size() + 1)).value(), body);
  }

  template <typename Condition>
  bool wait_until(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return condition(*this); });
  }
  bool wait_connected() {
    return wait_until([](const FakeStore& store) { return store.connected > 0; });
  }

  // Look at them in wait_until.
  int connected = 0;
  std::vector<std::string> published;  // bodies, resends included
  std::vector<std::string> stored;     // bodies
  std::vector<ReceiptPayload> receipts;
  std::vector<std::string> requests;  // methods

 private:
  static LinkOptions options(const std::string& uri) {
    LinkOptions link;
    link.uri = uri;
    link.client_id = "duet-store";
    link.subscriptions = {{"u/alice/out/#", 1}, {std::string(kRequestFilter), 1}};
    return link;
  }
  LinkHandlers handlers() {
    return {.on_connected =
                [this] {
                  const std::lock_guard lock(mutex_);
                  ++connected;
                  changed_.notify_all();
                },
            .on_message =
                [this](const LinkMessage& message) {
                  const std::lock_guard lock(mutex_);
                  const auto topic = parse_topic(message.topic);
                  if (!topic) return;
                  if (const auto* out = std::get_if<OutTopic>(&*topic)) on_out(*out, message);
                  if (const auto* device = std::get_if<DeviceTopic>(&*topic))
                    on_request(*device, message.payload);
                  changed_.notify_all();
                },
            .on_state = {}};
  }

  void on_out(const OutTopic& topic, const LinkMessage& message) {
    if (topic.kind == OutKind::receipt) {
      if (const auto receipt = parse_receipt(message.payload, {})) receipts.push_back(*receipt);
    }
    if (topic.kind != OutKind::message) return;
    const auto parsed = parse_message(message.payload, {});
    if (!parsed) return;
    published.push_back(parsed->body);
    if (refusing_) {
      refusing_->topic = std::string(message.topic);
      refusing_->id = parsed->id;
      publish(DeviceTopic{{alice_, phone_}, DeviceKind::error, {}}, format_error(*refusing_));
    } else if (storing_) {
      store(*parsed);
    }
  }
  void store(const MessagePayload& message) {
    const auto known = seqs_.find(*message.id);
    if (known == seqs_.end()) {
      stored.push_back(message.body);
      return append(alice_, *message.id, message.body);
    }
    auto again = log_.at(known->second - 1);
    again.duplicate = true;
    publish(InTopic{alice_, bob_, InKind::sent}, format_envelope(again));
  }
  void append(const UserId& from, const MessageId& id, const std::string& body) {
    const auto seq = log_.size() + 1;
    log_.push_back({.seq = seq,
                    .id = id,
                    .from = from,
                    .to = from == alice_ ? bob_ : alice_,
                    .ts = Timestamp(std::chrono::milliseconds(1)),
                    .type = "text/plain",
                    .body = body,
                    .cursor = std::to_string(seq)});
    seqs_.emplace(id, seq);
    publish(InTopic{alice_, bob_, from == alice_ ? InKind::sent : InKind::message},
            format_envelope(log_.back()));
  }
  void on_request(const DeviceTopic& topic, std::string_view payload) {
    const auto request = parse_request(payload, {});
    if (!request) return;
    requests.push_back(topic.method);
    std::optional<nlohmann::json> result;
    if (topic.method == "sync") result = sync(request->cursor.value_or("0"));
    if (topic.method == "conversations") result = conversations();
    if (topic.method == "history") result = history(request->after.value_or(0));
    if (!result) return;
    const nlohmann::json reply{{"req", request->req}, {"method", topic.method}, {"result", *result}};
    publish(DeviceTopic{topic.owner, DeviceKind::reply, {}}, dump(reply));
  }
  nlohmann::json sync(const std::string& cursor) const {
    nlohmann::json changes = nlohmann::json::array();
    for (auto seq = std::stoul(cursor); seq < log_.size(); ++seq) {
      auto change = to_json(log_[seq]);
      change["kind"] = log_[seq].from == alice_ ? "sent" : "msg";
      changes.push_back(std::move(change));
    }
    return {{"changes", changes}, {"cursor", std::to_string(log_.size())}, {"live", true}};
  }
  nlohmann::json conversations() const {
    nlohmann::json list = nlohmann::json::array();
    if (!log_.empty()) list.push_back({{"peer", bob_.str()}, {"last", to_json(log_.back())}});
    return {{"conversations", list}, {"more", false}};
  }
  nlohmann::json history(Seq after) const {
    nlohmann::json messages = nlohmann::json::array();
    for (auto seq = after; seq < log_.size(); ++seq) messages.push_back(to_json(log_[seq]));
    return {{"messages", messages}, {"more", false}};
  }
  void publish(const Topic& topic, std::string payload) {
    link_.publish({.topic = format_topic(topic), .payload = std::move(payload)});
  }

  const UserId alice_ = UserId::parse("alice").value();
  const UserId bob_ = UserId::parse("bob").value();
  const DeviceId phone_ = DeviceId::parse("phone").value();
  std::mutex mutex_;
  std::condition_variable changed_;
  bool storing_ = true;
  std::optional<ErrorEvent> refusing_;
  std::vector<Envelope> log_;
  std::map<MessageId, Seq> seqs_;
  Link link_;
};

}  // namespace duet
