#include "supervisor/secrets.h"

#include <array>
#include <stdexcept>

#include "acl/token.h"
#include "file_io/secret_file.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

// The services of this version that log in at the broker.
constexpr std::array kServices{Role::store, Role::auth, Role::push};

std::string sign_service_token(const SigningKey& key, const PlatformConfig::Tokens& rules, Role role,
                               Timestamp now, std::chrono::seconds ttl) {
  return key.sign(TokenSpec{.issuer = rules.issuer,
                            .audience = rules.audience,
                            .role = role,
                            .subject = std::string(to_string(role)),
                            .device = std::nullopt,
                            .issued_at = now,
                            .expires_at = now + ttl});
}

SigningKey make_signing_key(const Layout& layout) {
  if (fs::exists(layout.jwks())) {
    throw std::runtime_error(layout.signing_key().string() + " is missing, but " + layout.jwks().string() +
                             " is there; put the key back, or remove both to start with a new key");
  }
  SigningKey key = SigningKey::generate(SignatureAlgorithm::es256);
  create_file_atomically(layout.signing_key(), key.to_pem(), kSecretMode);
  return key;
}

SigningKey read_signing_key(const Layout& layout) {
  auto key = SigningKey::from_pem(read_secret_file(layout.signing_key()));
  if (!key) throw std::runtime_error(layout.signing_key().string() + " is damaged: " + key.error());
  return std::move(*key);
}

// A token of this key must pass with the published keys: the broker will ask no more and no less.
void check_jwks(const Layout& layout, const SigningKey& key, const PlatformConfig::Tokens& rules) {
  auto keys = JwkSet::parse(read_secret_file(layout.jwks()));
  if (!keys) throw std::runtime_error(layout.jwks().string() + " is damaged: " + keys.error());
  const TokenVerifier verifier(
      std::move(*keys),
      TokenRules{.issuer = rules.issuer, .audience = rules.audience, .clock_skew = rules.clock_skew});
  const Timestamp now{};  // any moment will do
  const auto claims =
      verifier.verify(sign_service_token(key, rules, Role::store, now, std::chrono::seconds(60)), now);
  if (claims) return;
  throw std::runtime_error(layout.jwks().string() + " does not hold the public half of " +
                           layout.signing_key().string() + " (" + std::string(to_string(claims.error())) +
                           "); remove it to have it made again");
}

}  // namespace

SigningKey open_signing_key(const Layout& layout, const PlatformConfig::Tokens& rules) {
  SigningKey key = fs::exists(layout.signing_key()) ? read_signing_key(layout) : make_signing_key(layout);
  if (!fs::exists(layout.jwks())) write_file_atomically(layout.jwks(), key.jwk_set(), kSecretMode);
  check_jwks(layout, key, rules);
  return key;
}

bool ServiceTokens::refresh(Timestamp now) {
  if (issued_at_ && now >= *issued_at_ && now < *issued_at_ + rules_.service_ttl / 3) return false;
  for (const Role role : kServices) {
    write_file_atomically(layout_.token(std::string(to_string(role))),
                          sign_service_token(key_, rules_, role, now, rules_.service_ttl), kSecretMode);
  }
  issued_at_ = now;
  return true;
}

}  // namespace duet
