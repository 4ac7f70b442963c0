// push_bridge/vapid.h: how a push service knows whose pushes these are (VAPID, RFC 8292).
#pragma once

#include <string>
#include <unordered_map>

#include "acl/signing_key.h"
#include "protocol/names.h"

namespace duet {

// One token for each origin, of 12 hours, used until an hour before its end. Used by one thread.
class Vapid {
 public:
  // Precondition: the key is ES256.
  Vapid(std::string subject, SigningKey key);

  // The value of Authorization for a push to that origin.
  std::string authorization(const std::string& origin, Timestamp now);

  // 65 bytes in base64url: what the page gives to pushManager.subscribe.
  const std::string& public_key() const { return public_key_; }

 private:
  struct Token {
    std::string text;
    Timestamp issued_at;
  };

  const std::string subject_;
  const SigningKey key_;
  const std::string public_key_;
  std::unordered_map<std::string, Token> tokens_;  // by origin; bounded
};

}  // namespace duet
