// supervisor/secrets.h: the platform's signing key and the tokens its own services log in with.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "acl/signing_key.h"
#include "protocol/names.h"
#include "supervisor/layout.h"
#include "supervisor/platform_config.h"

namespace duet {

// The key of secrets/signing.pem, made at the first start, together with secrets/jwks.json, from which the
// broker checks tokens. Throws std::runtime_error with one line that names the file that is damaged, open to
// others, or does not fit the other.
SigningKey open_signing_key(const Layout& layout, const PlatformConfig::Tokens& rules);

// Keeps the services' token files fresh: a new token after a third of the life of the last one, so that a
// service that misses one still has two thirds to notice. One thread owns it.
class ServiceTokens {
 public:
  ServiceTokens(SigningKey key, PlatformConfig::Tokens rules, Layout layout)
      : key_(std::move(key)), rules_(std::move(rules)), layout_(std::move(layout)) {}

  // Writes new tokens when they are due, or when the clock was set back. Returns whether it did. Throws when
  // a file cannot be written; the old one then stays.
  bool refresh(Timestamp now);

 private:
  SigningKey key_;
  PlatformConfig::Tokens rules_;
  Layout layout_;
  std::optional<Timestamp> issued_at_;
};

}  // namespace duet
