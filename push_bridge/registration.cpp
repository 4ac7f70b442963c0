#include "push_bridge/registration.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "acl/base64url.h"
#include "push_bridge/channel.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxRegistrationBytes = std::size_t{8} * 1024;
constexpr std::size_t kPointBytes = 65;  // RFC 8291 3.1: an uncompressed point of P-256
constexpr std::size_t kAuthBytes = 16;   // RFC 8291 3.2

Failure<std::string> wrong(const char* what) {
  return Failure<std::string>(what);
}

const std::string* text_at(const json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get_ptr<const std::string*>() : nullptr;
}

bool visible_ascii(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPushTokenBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool is_hex(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPushTokenBytes && text.size() % 2 == 0 &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// Browsers write these without padding, some libraries with it.
std::optional<std::string> key_bytes(const json& keys, const char* name, std::size_t bytes) {
  const auto* text = text_at(keys, name);
  if (text == nullptr) return std::nullopt;
  auto decoded = decode_base64url(std::string_view(*text).substr(0, text->find('=')));
  if (!decoded || decoded->size() != bytes) return std::nullopt;
  return decoded;
}

std::optional<DeviceKeys> device_keys_from(const json& keys) {
  if (!keys.is_object()) return std::nullopt;
  auto key = key_bytes(keys, "p256dh", kPointBytes);
  auto secret = key_bytes(keys, "auth", kAuthBytes);
  if (!key || key->front() != '\x04' || !secret) return std::nullopt;
  return DeviceKeys{*std::move(key), *std::move(secret)};
}

// The `preview` of a registration; nullptr: it wants none.
const json* wanted_preview(const json& object) {
  const auto preview = object.find("preview");
  return preview == object.end() || preview->is_null() || *preview == false ? nullptr : &*preview;
}

// Of a device that is reached through somebody who could read the push. False: it is not of the form.
bool read_preview_keys(const json& object, std::optional<DeviceKeys>& keys) {
  const auto* preview = wanted_preview(object);
  if (preview == nullptr) return true;
  keys = device_keys_from(*preview);
  return keys.has_value();
}

constexpr const char* kNoPreviewKeys = "'preview' has not the keys of a device";

Result<Target, std::string> parse_fcm(const json& object) {
  const auto* token = text_at(object, "token");
  if (token == nullptr || !visible_ascii(*token)) return wrong("'token' is no registration token of FCM");
  FcmTarget target{*token};
  if (!read_preview_keys(object, target.preview)) return wrong(kNoPreviewKeys);
  return Target(std::move(target));
}

Result<Target, std::string> parse_apns(const json& object) {
  const auto* token = text_at(object, "token");
  if (token == nullptr || !is_hex(*token)) return wrong("'token' is not a device token in hexadecimal");
  ApnsTarget target{*token, ApnsEnvironment::production};
  if (!read_preview_keys(object, target.preview)) return wrong(kNoPreviewKeys);
  if (!object.contains("environment")) return Target(std::move(target));
  const auto* environment = text_at(object, "environment");
  if (environment == nullptr || (*environment != "production" && *environment != "sandbox")) {
    return wrong("'environment' is neither \"production\" nor \"sandbox\"");
  }
  if (*environment == "sandbox") target.environment = ApnsEnvironment::sandbox;
  return Target(std::move(target));
}

Result<Target, std::string> parse_webpush(const json& object) {
  const auto token = object.find("token");
  if (token == object.end() || !token->is_object()) return wrong("'token' is no PushSubscription");
  const auto* endpoint = text_at(*token, "endpoint");
  if (endpoint == nullptr || !visible_ascii(*endpoint) || !endpoint->starts_with("https://")) {
    return wrong("'endpoint' is no https URL");
  }
  const auto keys = token->find("keys");
  if (keys == token->end()) return wrong("'keys' is missing");
  auto read = device_keys_from(*keys);
  if (!read) return wrong("'keys' are not those of a PushSubscription");
  const auto* preview = wanted_preview(object);
  if (preview != nullptr && !preview->is_boolean()) return wrong("'preview' is neither true nor false");
  return Target(WebPushTarget{*endpoint, *std::move(read), preview != nullptr});
}

Result<Target, std::string> parse_target(Platform platform, const json& object) {
  if (platform == Platform::fcm) return parse_fcm(object);
  return platform == Platform::apns ? parse_apns(object) : parse_webpush(object);
}

}  // namespace

bool valid_app_name(std::string_view app) {
  return !app.empty() && app.size() <= kMaxAppBytes &&
         std::all_of(app.begin(), app.end(), [](char c) { return DeviceGrammar::allows(c); });
}

Result<RegistrationPayload, std::string> parse_registration(std::string_view payload) {
  if (payload.size() > kMaxRegistrationBytes) return wrong("it is too long");
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return wrong("it is no JSON object");
  const auto platform = object.find("platform");
  if (platform == object.end()) return wrong("'platform' is missing");
  if (platform->is_null()) return RegistrationPayload{};
  const auto known =
      platform->is_string() ? parse_platform(platform->get_ref<const std::string&>()) : std::nullopt;
  if (!known) return wrong("'platform' is not \"fcm\", \"apns\", \"webpush\" or null");
  RegistrationPayload out;
  if (object.contains("app")) {
    const auto* app = text_at(object, "app");
    if (app == nullptr || !valid_app_name(*app)) return wrong("'app' is no name of an app");
    out.app = *app;
  }
  auto target = parse_target(*known, object);
  if (!target) return Failure<std::string>(std::move(target).error());
  out.target = *std::move(target);
  return out;
}

}  // namespace duet
