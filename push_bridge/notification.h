// push_bridge/notification.h: what a push says, and to which installation of which app it goes.
//
// Values: const access from several threads is safe. A target is a secret: it goes into no log and no error.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "protocol/names.h"

namespace duet {

enum class Platform : std::uint8_t { fcm, apns, webpush };
enum class ApnsEnvironment : std::uint8_t { production, sandbox };

struct FcmTarget {
  std::string token;
};

struct ApnsTarget {
  std::string token;  // hexadecimal, as the device said it
  ApnsEnvironment environment;
};

// A PushSubscription (W3C Push API 8), its keys decoded.
struct WebPushTarget {
  std::string endpoint;
  std::string key;     // p256dh: 65 bytes, an uncompressed point
  std::string secret;  // auth: 16 bytes
};

using Target = std::variant<FcmTarget, ApnsTarget, WebPushTarget>;

Platform platform_of(const Target& target);

// Of a device; one for each device.
struct Registration {
  Device device;
  std::string app;
  Target target;
  Timestamp registered_at;
  std::uint64_t generation;  // another with every registration of the device
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
};

}  // namespace duet
