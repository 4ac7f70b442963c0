// auth_service/mint.h: what `duet-auth mint` puts into a token.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "acl/signing_key.h"

namespace duet {

struct MintOptions {
  std::string user;     // either a user, for a chat token …
  std::string device;   // … and, if not empty, the one device that may use it
  std::string service;  // or a service: store, push, auth
  std::string issuer = "duet";
  std::string audience = "duet";
  std::chrono::seconds ttl{900};
};

// Throws std::runtime_error that names the option when a name is outside its grammar, or when there is not
// exactly one of user and service.
TokenSpec make_token_spec(const MintOptions& options, Timestamp now);

}  // namespace duet
