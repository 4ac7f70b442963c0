// tests/support/jws.h: compact JWS (RFC 7515) of any shape, honest and forged. Production code signs with
// duet::SigningKey, which refuses to make most of these.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace duet {

std::string base64url(std::string_view bytes);

// `header` and `claims`, joined, without a signature: "xxx.yyy".
std::string signing_input(const nlohmann::json& header, const nlohmann::json& claims);

// Signed with the PKCS #8 PEM private key, by the key's own algorithm, whatever `header` says.
std::string sign_jws(const nlohmann::json& header, const nlohmann::json& claims, std::string_view pem);

// Signed with HMAC-SHA256 under `secret`.
std::string hmac_jws(const nlohmann::json& header, const nlohmann::json& claims, std::string_view secret);

// The public half of a private key, as PEM: what an attacker knows and feeds to HMAC.
std::string public_pem(std::string_view private_pem);

}  // namespace duet
