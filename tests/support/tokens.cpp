#include "tests/support/tokens.h"

#include <stdexcept>

#include "tests/support/jws.h"
#include "tests/support/process.h"

namespace duet {
namespace {

using nlohmann::json;

Timestamp now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::int64_t in_seconds(Timestamp at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

SigningKey load_key(std::string_view pem) {
  auto key = SigningKey::from_pem(pem);
  if (!key) throw std::runtime_error("signing.pem: " + key.error());
  return std::move(*key);
}

json with(json object, const std::string& name, const json& value) {
  object[name] = value;
  return object;
}

json without(json object, const std::string& name) {
  object.erase(name);
  return object;
}

// Signatures that are none, or not by the platform's key.
std::vector<ForgedToken> bad_signatures(const TokenMint& mint, const json& claims) {
  const json header = mint.header();
  const json none = with(header, "alg", "none");
  const json hs256 = with(header, "alg", "HS256");
  const std::string good = mint.sign(claims);
  const std::string unsigned_part = good.substr(0, good.rfind('.'));
  const SigningKey other = SigningKey::generate(SignatureAlgorithm::es256);
  const json other_header = {{"alg", "ES256"}, {"typ", "JWT"}, {"kid", other.key_id()}};
  const std::string other_alg = header.at("alg") == "RS256" ? "ES256" : "RS256";
  std::string tampered = good;
  tampered[good.find('.') + 5] = tampered[good.find('.') + 5] == 'A' ? 'B' : 'A';
  return {
      {"empty", ""},
      {"garbage", "not a token"},
      {"alg none, no signature", signing_input(none, claims) + "."},
      {"alg None", signing_input(with(header, "alg", "None"), claims) + "."},
      {"alg none with the real signature", signing_input(none, claims) + good.substr(good.rfind('.'))},
      {"unsigned", unsigned_part + "."},
      {"two parts", unsigned_part},
      {"HS256 under the public PEM", hmac_jws(hs256, claims, mint.public_key_pem())},
      {"HS256 under the public JWK", hmac_jws(hs256, claims, mint.public_jwk())},
      {"HS256 under the JWK set", hmac_jws(hs256, claims, mint.jwk_set())},
      {"HS256 under nothing", hmac_jws(hs256, claims, "")},
      {"another key", sign_jws(other_header, claims, other.to_pem())},
      {"another key under the platform's kid", sign_jws(header, claims, other.to_pem())},
      {"another key in the header (jwk)",
       sign_jws(with(other_header, "jwk", json::parse(other.public_jwk())), claims, other.to_pem())},
      {"claims changed after signing", tampered},
      {"alg of another key type", mint.sign(claims, with(header, "alg", other_alg))},
      {"critical extension", mint.sign(claims, with(header, "crit", json::array({"b64"})))},
  };
}

// Well signed, but not for here, now or this user.
std::vector<ForgedToken> bad_claims(const TokenMint& mint, const json& claims) {
  const std::int64_t seconds = in_seconds(now());
  const auto sign_with = [&](const std::string& name, const json& value) {
    return mint.sign(with(claims, name, value));
  };
  return {
      {"no exp", mint.sign(without(claims, "exp"))},
      {"exp is text", sign_with("exp", "never")},
      {"expired", sign_with("exp", seconds - 3600)},
      {"not yet valid", sign_with("nbf", seconds + 3600)},
      {"issued in the future", sign_with("iat", seconds + 3600)},
      {"wrong audience", sign_with("aud", "elsewhere")},
      {"wrong audiences", sign_with("aud", json::array({"here", "there"}))},
      {"no audience", mint.sign(without(claims, "aud"))},
      {"wrong issuer", sign_with("iss", "mallory")},
      {"no issuer", mint.sign(without(claims, "iss"))},
      {"no subject", mint.sign(without(claims, "sub"))},
      {"no scope", mint.sign(without(claims, "scope"))},
      {"unknown scope", sign_with("scope", "admin")},
      {"two scopes", sign_with("scope", "chat store")},
      {"another user's", sign_with("sub", "somebody-else")},
      {"another device's", sign_with("device", "another-device")},
      {"store scope with a user's name", sign_with("scope", "store")},
  };
}

}  // namespace

TokenMint::TokenMint(const std::filesystem::path& data_dir)
    : pem_(text_of(data_dir / "secrets" / "signing.pem")), key_(load_key(pem_)) {}

std::string TokenMint::chat(std::string_view user, std::chrono::seconds ttl) const {
  const Timestamp at = now();
  return key_.sign({.issuer = "duet",
                    .audience = "duet",
                    .role = Role::chat,
                    .subject = std::string(user),
                    .device = std::nullopt,
                    .issued_at = at,
                    .expires_at = at + ttl});
}

std::string TokenMint::service(Role role, std::chrono::seconds ttl) const {
  const Timestamp at = now();
  return key_.sign({.issuer = "duet",
                    .audience = "duet",
                    .role = role,
                    .subject = std::string(to_string(role)),
                    .device = std::nullopt,
                    .issued_at = at,
                    .expires_at = at + ttl});
}

json TokenMint::header() const {
  return {{"alg", to_string(key_.algorithm())}, {"typ", "JWT"}, {"kid", key_.key_id()}};
}

json TokenMint::claims(std::string_view user) const {
  const std::int64_t seconds = in_seconds(now());
  return {{"iss", "duet"},   {"aud", "duet"},  {"sub", user},
          {"scope", "chat"}, {"iat", seconds}, {"exp", seconds + 900}};
}

std::string TokenMint::sign(const json& claims, const json& header) const {
  return sign_jws(header, claims, pem_);
}

std::string TokenMint::public_key_pem() const {
  return public_pem(pem_);
}

std::vector<ForgedToken> forged_tokens(const TokenMint& mint, std::string_view user) {
  const json claims = mint.claims(user);
  std::vector<ForgedToken> all = bad_signatures(mint, claims);
  for (ForgedToken& token : bad_claims(mint, claims)) all.push_back(std::move(token));
  return all;
}

}  // namespace duet
