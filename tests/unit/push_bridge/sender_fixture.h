// tests/unit/push_bridge/sender_fixture.h: what the tests of the senders have in common.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "acl/signing_key.h"
#include "push_bridge/sender.h"
#include "push_bridge/token_memory.h"

namespace duet {

constexpr Timestamp kNow{std::chrono::seconds(1'700'000'000)};
constexpr const char* kPushId = "5e2cbc2f-7a2f-4f6b-a1f5-0d4e5a0b1c2d";
constexpr const char* kHiddenConversation = "abcdefghijklmnopqrstuvwxyzAB-_09";

// One key of each kind, made anew in every run.
const SigningKey& push_ec_key();
const SigningKey& push_rsa_key();

Notification message_push();
Notification badge_push();
Notification test_push();

// Pushes of each kind with a preview; that of a message is the longest that there can be.
Notification longest_preview_push(Notification::Kind kind = Notification::Kind::message);
// What nobody but the device may find in them.
constexpr const char* kPreviewWord = "for-the-device-alone";
// Of no device: the keys of RFC 8291's example.
DeviceKeys device_keys();

Registration registration_of(Target target);

PostResult answered(int status, std::string body = {}, std::map<std::string, std::string> headers = {});
PostResult unanswered(PostResult::Kind kind);

// The value of a header; fails the test unless it is there exactly once.
std::string header_of(const HttpPost& post, std::string_view name);
bool has_header(const HttpPost& post, std::string_view name);

struct Jwt {
  nlohmann::json header;
  nlohmann::json claims;
};
// Fails the test unless `key` has signed it.
Jwt verified_jwt(const std::string& token, const SigningKey& key);

// Whether any of the pieces is in the text of the request, apart from its URL and its Authorization.
bool mentions(const HttpPost& post, std::string_view secret);

class MapMemory final : public TokenMemory {
 public:
  std::optional<std::string> load(const std::string& name) override {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  }
  void save(const std::string& name, const std::string& value) override {
    values[name] = value;
    ++saves;
  }

  std::map<std::string, std::string> values;
  int saves = 0;
};

std::string to_text(Judgement::Action action);

}  // namespace duet
