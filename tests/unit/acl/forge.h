// tests/unit/acl/forge.h: signs whatever a test wants, the way an issuer or an attacker would.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "acl/signing_key.h"

namespace duet {

// A JWS compact serialization with a valid signature by `key` over any header and any payload.
std::string forge_token(const SigningKey& key, std::string_view header, std::string_view payload);

// The same with HMAC-SHA-256 under `secret` (RFC 7518 3.2).
std::string forge_hmac_token(std::string_view secret, std::string_view header, std::string_view payload);

// One key of each kind, made anew in every run.
const SigningKey& ec_key();
const SigningKey& rsa_key();
const SigningKey& ed_key();

// A copy of `object` with one member set, or left out.
nlohmann::json with(nlohmann::json object, const char* name, const nlohmann::json& value);
nlohmann::json without(nlohmann::json object, const char* name);

}  // namespace duet
