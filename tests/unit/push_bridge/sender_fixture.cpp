#include "tests/unit/push_bridge/sender_fixture.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "acl/base64url.h"
#include "acl/public_key.h"
#include "protocol/push_payload.h"

namespace duet {
namespace {

Notification push_of(Notification::Kind kind) {
  return {kPushId,
          kind,
          {*UserId::parse("bob-of-the-names"), *DeviceId::parse("phone-of-bob")},
          kHiddenConversation,
          7,
          3,
          kNow + std::chrono::hours(24)};
}

std::string member_bytes(const nlohmann::json& jwk, const char* name) {
  return decode_base64url(jwk.at(name).get<std::string>()).value();
}

PublicKey public_half(const SigningKey& key) {
  const auto jwk = nlohmann::json::parse(key.public_jwk());
  if (key.algorithm() == SignatureAlgorithm::es256) {
    return PublicKey::ec_p256(member_bytes(jwk, "x"), member_bytes(jwk, "y")).value();
  }
  return PublicKey::rsa(member_bytes(jwk, "n"), member_bytes(jwk, "e")).value();
}

}  // namespace

const SigningKey& push_ec_key() {
  static const auto key = SigningKey::generate(SignatureAlgorithm::es256);
  return key;
}

const SigningKey& push_rsa_key() {
  static const auto key = SigningKey::generate(SignatureAlgorithm::rs256);
  return key;
}

Notification message_push() {
  return push_of(Notification::Kind::message);
}

Notification badge_push() {
  return push_of(Notification::Kind::badge);
}

Notification test_push() {
  auto push = push_of(Notification::Kind::test);
  push.conversation.clear();
  push.seq = 0;
  return push;
}

Notification longest_preview_push(Notification::Kind kind) {
  auto push = push_of(kind);
  push.seq = kMaxSeq;
  push.badge = std::numeric_limits<std::uint64_t>::max();
  push.expires_at = kNow + std::chrono::hours(24 * 365);
  const std::string body = kPreviewWord + std::string(2 * kMaxPreviewBytes, '"');
  push.preview = {*UserId::parse(std::string(UserId::kMaxBytes, 'u')), std::string(preview_of(body))};
  EXPECT_EQ(push.preview->text.size(), kMaxPreviewBytes);
  return push;
}

DeviceKeys device_keys() {
  return {decode_base64url(
              "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
              .value(),
          decode_base64url("BTBZMqHH6r4Tts7J_aSIgg").value()};
}

Registration registration_of(Target target) {
  return {message_push().to, "app", std::move(target), kNow - std::chrono::hours(1), 1};
}

PostResult answered(int status, std::string body, std::map<std::string, std::string> headers) {
  return {PostResult::Kind::answered, status, std::move(headers), std::move(body), {}};
}

PostResult unanswered(PostResult::Kind kind) {
  return {kind, 0, {}, {}, "the server did not answer"};
}

std::string header_of(const HttpPost& post, std::string_view name) {
  const std::string prefix = std::string(name) + ": ";
  EXPECT_EQ(std::ranges::count_if(post.headers, [&](const auto& line) { return line.starts_with(prefix); }),
            1)
      << name;
  const auto found =
      std::ranges::find_if(post.headers, [&](const auto& line) { return line.starts_with(prefix); });
  return found == post.headers.end() ? std::string() : found->substr(prefix.size());
}

bool has_header(const HttpPost& post, std::string_view name) {
  return std::ranges::any_of(post.headers,
                             [&](const auto& line) { return line.starts_with(std::string(name) + ":"); });
}

Jwt verified_jwt(const std::string& token, const SigningKey& key) {
  const auto first = token.find('.');
  const auto second = token.rfind('.');
  const auto signature = decode_base64url(std::string_view(token).substr(second + 1));
  EXPECT_TRUE(signature && public_half(key).verifies(std::string_view(token).substr(0, second), *signature));
  const auto part = [&](std::size_t from, std::size_t to) {
    return nlohmann::json::parse(decode_base64url(std::string_view(token).substr(from, to - from)).value());
  };
  return {part(0, first), part(first + 1, second)};
}

bool mentions(const HttpPost& post, std::string_view secret) {
  if (post.body.find(secret) != std::string::npos) return true;
  return std::ranges::any_of(post.headers, [&](const auto& line) {
    return !line.starts_with("authorization:") && line.find(secret) != std::string::npos;
  });
}

std::string to_text(Judgement::Action action) {
  static constexpr std::array<const char*, 7> kNames{"sent",   "retry", "drop_token", "suspect_token",
                                                     "remint", "pause", "give_up"};
  return kNames.at(static_cast<std::size_t>(action));
}

}  // namespace duet
