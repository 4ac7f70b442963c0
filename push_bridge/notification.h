// push_bridge/notification.h: what a push says, and to which installation of which app it goes.
//
// Values: const access from several threads is safe. A target is a secret: it goes into no log and no error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "protocol/names.h"

namespace duet {

enum class Platform : std::uint8_t { fcm, apns, webpush };
enum class ApnsEnvironment : std::uint8_t { production, sandbox };

// What only the device can read is encrypted to, as to a browser (RFC 8291): decoded.
struct DeviceKeys {
  std::string key;     // p256dh: 65 bytes, an uncompressed point
  std::string secret;  // auth: 16 bytes
};

// `preview` in these three: the device wants to be shown what it is pushed for; without, no push says it.
struct FcmTarget {
  std::string token;
  std::optional<DeviceKeys> preview = std::nullopt;
};

struct ApnsTarget {
  std::string token;  // hexadecimal, as the device said it
  ApnsEnvironment environment;
  std::optional<DeviceKeys> preview = std::nullopt;
};

// A PushSubscription (W3C Push API 8). All that is sent to it is encrypted to its keys.
struct WebPushTarget {
  std::string endpoint;
  DeviceKeys keys;
  bool preview = false;
};

using Target = std::variant<FcmTarget, ApnsTarget, WebPushTarget>;

Platform platform_of(const Target& target);
bool wants_preview(const Target& target);

// Of a device; one for each device.
struct Registration {
  Device device;
  std::string app;
  Target target;
  Timestamp registered_at;
  std::uint64_t generation;  // another with every registration of the device
};

// The message that a push is for. It goes into no log and no database, and to nobody but the device.
struct Preview {
  UserId from;
  std::string text;  // preview_of() its body
};

// What one push says; the same for every attempt.
struct Notification {
  enum class Kind : std::uint8_t { message, badge, test };

  std::string id;  // a UUID in its canonical form (RFC 9562 4), lower case; stable over retries
  Kind kind;
  Device to;
  // 32 characters of base64url: an HMAC under the server's key, which hides who talks with whom. Empty: of
  // none; for Kind::test only.
  std::string conversation;
  Seq seq;              // of the last message in it
  std::uint64_t badge;  // the user's unread messages, absolute
  Timestamp expires_at;
  std::optional<Preview> preview = std::nullopt;  // for a device that wants it; of Kind::message only
};

}  // namespace duet
