// tests/unit/broker_plugin/gate_fixture.h: a gate with a key, a clock and connections that are played by
// hand.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/signing_key.h"
#include "broker_plugin/gate.h"
#include "protocol/envelope.h"
#include "tests/unit/broker_plugin/recording_broker.h"
#include "tests/unit/temporary_directory.h"

namespace duet {

class GateTest : public testing::Test {
 protected:
  static constexpr Timestamp kStart{std::chrono::hours(24 * 365 * 50)};
  static constexpr std::chrono::seconds kTokenLife{900};
  static constexpr std::chrono::seconds kSkew{30};

  GateTest() {
    options_.journal_dir = directory_.path();
    start();
  }

  void start() {
    gate_.reset();
    gate_.emplace(options_, TokenVerifier(keys(signing_key()), options_.tokens), "boot", broker_);
  }

  static const SigningKey& signing_key() {
    static const SigningKey key = SigningKey::generate(SignatureAlgorithm::es256);
    return key;
  }
  static JwkSet keys(const SigningKey& key) { return JwkSet::parse(key.jwk_set()).value(); }

  // What a token says that is issued now, and the token.
  TokenSpec spec(const std::string& subject, Role role = Role::chat) const {
    return {.issuer = "duet",
            .audience = "duet",
            .role = role,
            .subject = subject,
            .device = std::nullopt,
            .issued_at = now_.wall,
            .expires_at = now_.wall + kTokenLife};
  }
  std::string token(const std::string& subject, Role role = Role::chat) const {
    return signing_key().sign(spec(subject, role));
  }

  Connection context(std::size_t i) const { return &contexts_.at(i); }

  // What plugin.cpp does at BASIC_AUTH.
  ConnectVerdict connect(std::size_t i, std::string_view client_id, std::string_view user_name,
                         std::string_view password, bool websocket = false) {
    return admitted(i, gate_->connect({context(i), client_id, user_name, password, websocket}, now_));
  }
  // What it does for a CONNECT with an Authentication Method, and for an AUTH.
  ConnectVerdict authenticate(std::size_t i, std::string_view client_id, std::string_view user_name,
                              std::string_view data, std::string_view method = kAuthenticationMethod) {
    return admitted(i, gate_->authenticate({context(i), client_id, user_name, data}, method, now_));
  }
  // A device of `user`, or a service, connected as context i.
  Client connected(std::size_t i, std::string_view client_id) {
    const auto device = parse_client_id(client_id);
    const auto service = parse_service_client_id(client_id);
    const std::string name = device ? device->user.str() : std::string(to_string(service->role));
    EXPECT_EQ(connect(i, client_id, "", token(name, device ? Role::chat : service->role)),
              ConnectVerdict::accept)
        << client_id;
    names_.at(i) = name;
    return {context(i), client_id, names_.at(i)};
  }
  Client alice() { return connected(0, "alice:phone"); }
  Client store() {
    const auto client = connected(30, "duet-store");
    for (const char* filter : {"u/+/d/+/req/+", "u/+/d/+/push", "u/+/d/+/presence", "svc/broker/presence"}) {
      EXPECT_TRUE(gate_->may_subscribe(client, filter, now_));
    }
    tick();
    broker_.take();
    return client;
  }

  // The push bridge, connected and subscribed.
  Client bridge() {
    const auto client = connected(31, "duet-push");
    EXPECT_TRUE(gate_->may_subscribe(client, "u/+/d/+/push", now_));
    return client;
  }

  // What the broker does with a PUBLISH: ACL_CHECK, then MESSAGE.
  bool publish(const Client& client, std::string_view topic, std::string_view payload) {
    const Publish message{topic, payload, "correlation"};
    return gate_->may_publish(client, message, false, now_) && gate_->publish(client, message, now_).accepted;
  }
  bool will(const Client& client, std::string_view topic, std::string_view payload, bool retain = true) {
    return gate_->may_publish(client, {topic, payload}, retain, now_);
  }
  void tick() { gate_->tick(now_); }
  void pass(std::chrono::milliseconds time) {
    now_.wall += time;
    now_.steady += time;
  }

  std::vector<RecordingBroker::Published> published_on(std::string_view topic) {
    auto all = broker_.take();
    std::erase_if(all, [topic](const auto& message) { return message.topic != topic; });
    return all;
  }
  // The one error event that alice's phone was sent since the last look.
  std::optional<ErrorEvent> error_of_alice() {
    const auto errors = published_on("u/alice/d/phone/error");
    if (errors.size() != 1) return std::nullopt;
    return parse_error(errors.front().payload);
  }
  std::optional<ErrorCode> code_of_alice() {
    const auto error = error_of_alice();
    return error ? std::optional(error->refusal.code) : std::nullopt;
  }

  ConnectVerdict admitted(std::size_t i, const ConnectDecision& decision) {
    if (decision.verdict == ConnectVerdict::accept) gate_->admit(context(i), *decision.principal);
    return decision.verdict;
  }

  TemporaryDirectory directory_;
  Options options_;
  RecordingBroker broker_;
  Moment now_{kStart, std::chrono::steady_clock::time_point(std::chrono::hours(1))};
  std::array<char, 40> contexts_{};
  std::array<std::string, 40> names_{};
  std::optional<Gate> gate_;
};

}  // namespace duet
