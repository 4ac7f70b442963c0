// acl/signing_key.h: a private key that tokens are signed with: our access tokens, and the tokens with which
// we show others who we are.
//
// Pure: text in, text out; the callers keep the files. Immutable; several threads may sign.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "acl/principal.h"
#include "protocol/names.h"
#include "protocol/result.h"

namespace duet {

enum class SignatureAlgorithm : std::uint8_t { es256, rs256, eddsa };
std::string_view to_string(
    SignatureAlgorithm algorithm);  // "ES256", "RS256", "EdDSA" (RFC 7518 3.1, RFC 8037 3.1)
std::optional<SignatureAlgorithm> parse_signature_algorithm(std::string_view text);

struct TokenSpec {
  std::string issuer;
  std::string audience;
  Role role;
  std::string subject;
  std::optional<DeviceId> device;
  Timestamp issued_at;
  Timestamp expires_at;
};

class SigningKey {
 public:
  // Throws std::runtime_error when OpenSSL cannot (no entropy).
  static SigningKey generate(SignatureAlgorithm algorithm);
  // An unencrypted PKCS #8 PEM private key. The error is a sentence without the key.
  static Result<SigningKey, std::string> from_pem(std::string_view pem);

  std::string to_pem() const;      // secret: goes only into a file of mode 0600
  std::string key_id() const;      // the JWK thumbprint (RFC 7638)
  std::string public_jwk() const;  // the public half as one JWK object with kid, alg and use
  // {"keys": [public_jwk()]}
  std::string jwk_set() const;
  SignatureAlgorithm algorithm() const { return algorithm_; }

  // A signed compact JWS with iss, aud, sub, scope, iat, exp, jti (random) and device.
  std::string sign(const TokenSpec& spec) const;
  // A signed compact JWS (RFC 7515 3.1) of two JSON objects, which are taken as they are. Precondition: the
  // header's `alg` is algorithm().
  std::string sign_jws(std::string_view header, std::string_view claims) const;

 private:
  struct Pkey;
  SigningKey(std::shared_ptr<const Pkey> key, SignatureAlgorithm algorithm);

  std::shared_ptr<const Pkey> key_;
  SignatureAlgorithm algorithm_;
};

}  // namespace duet
