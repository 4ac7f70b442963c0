#include "push_bridge/push_request.h"

#include <algorithm>

#include "acl/base64url.h"
#include "protocol/json_codec.h"
#include "protocol/push_payload.h"
#include "push_bridge/webpush_encryption.h"

namespace duet {
namespace {

// {"from":"","text":""} with the longest of both.
constexpr std::size_t kLongestPreviewJsonBytes = 21 + UserId::kMaxBytes + kMaxPreviewJsonBytes;

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_uuid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != kForm.size()) return false;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (kForm[i] == '-' ? c != '-' : !hex) return false;
  }
  return true;
}

// Within the 64 bytes of an apns-collapse-id and the 32 characters of a Topic (RFC 8030 5.4).
bool is_conversation(std::string_view text) {
  constexpr std::size_t kMost = 32;
  return !text.empty() && text.size() <= kMost &&
         std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

}  // namespace

std::string_view wrong_with(const Notification& notification, Timestamp now) {
  if (!is_uuid(notification.id)) return "the id is no UUID in lower case";
  const bool none = notification.conversation.empty() && notification.kind == Notification::Kind::test;
  if (!none && !is_conversation(notification.conversation))
    return "the conversation is not 32 base64url characters";
  if (notification.expires_at <= now) return "it has expired";
  return {};
}

bool is_plain(std::string_view text, std::size_t most) {
  constexpr std::string_view kOthers = "-._~:";
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, [&](char c) {
    return is_letter_or_digit(c) || kOthers.find(c) != std::string_view::npos;
  });
}

std::chrono::seconds time_to_live(const Notification& notification, Timestamp now,
                                  std::chrono::seconds most) {
  return std::min(std::chrono::ceil<std::chrono::seconds>(notification.expires_at - now), most);
}

bool has_preview(const Notification& notification) {
  return notification.preview && notification.kind == Notification::Kind::message;
}

nlohmann::json preview_json(const Preview& preview) {
  return {{"from", preview.from.str()}, {"text", preview.text}};
}

std::string sealed_preview(const Notification& notification, const std::optional<DeviceKeys>& keys) {
  if (!has_preview(notification) || !keys) return {};
  const auto text = dump(preview_json(*notification.preview));
  const auto sealed = encrypt_web_push(text, keys->key, keys->secret, kLongestPreviewJsonBytes);
  return sealed ? encode_base64url(*sealed) : std::string();
}

std::string_view to_string(Notification::Kind kind) {
  switch (kind) {
    case Notification::Kind::message:
      return "message";
    case Notification::Kind::badge:
      return "badge";
    case Notification::Kind::test:
      break;
  }
  return "test";
}

}  // namespace duet
