// tests/support/tokens.h: access tokens as the platform issues them, and every kind it must refuse.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "acl/signing_key.h"

namespace duet {

// Signs with the platform's own key. Immutable.
class TokenMint {
 public:
  // Reads `data_dir`/secrets/signing.pem.
  explicit TokenMint(const std::filesystem::path& data_dir);

  std::string chat(std::string_view user, std::chrono::seconds ttl = std::chrono::minutes(15)) const;
  std::string service(Role role, std::chrono::seconds ttl = std::chrono::minutes(15)) const;

  // The header and claims that chat() would sign, for a forger to change.
  nlohmann::json header() const;
  nlohmann::json claims(std::string_view user) const;
  // Well signed by the platform's key, with claims (and a header) of the caller's.
  std::string sign(const nlohmann::json& claims) const { return sign(claims, header()); }
  std::string sign(const nlohmann::json& claims, const nlohmann::json& header) const;

  std::string public_jwk() const { return key_.public_jwk(); }
  std::string jwk_set() const { return key_.jwk_set(); }
  std::string public_key_pem() const;

 private:
  std::string pem_;
  SigningKey key_;
};

// A token that must not open a connection, and why.
struct ForgedToken {
  std::string name;
  std::string token;
};
// One of every kind, each made for `user` and right in everything but its name.
std::vector<ForgedToken> forged_tokens(const TokenMint& mint, std::string_view user);

}  // namespace duet
