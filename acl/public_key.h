// acl/public_key.h: a public key that signatures are checked with, made from the numbers of a JWK (RFC 7518
// 6).
//
// Immutable; several threads may verify with one key.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "acl/signing_key.h"
#include "protocol/result.h"

namespace duet {

class PublicKey {
 public:
  // From raw big-endian bytes. The error says what is wrong with them: a point that is not on the curve, an
  // RSA modulus below 2048 bits.
  static Result<PublicKey, std::string> ec_p256(std::string_view x, std::string_view y);
  static Result<PublicKey, std::string> rsa(std::string_view modulus, std::string_view exponent);
  static Result<PublicKey, std::string> ed25519(std::string_view x);

  SignatureAlgorithm algorithm() const { return algorithm_; }

  // Whether `signature` is a JWS signature (RFC 7518 3.3 and 3.4, RFC 8037 3.1) of `signed_text` by this key.
  bool verifies(std::string_view signed_text, std::string_view signature) const;

 private:
  struct Handle;
  PublicKey(std::shared_ptr<const Handle> handle, SignatureAlgorithm algorithm);

  std::shared_ptr<const Handle> handle_;
  SignatureAlgorithm algorithm_;
};

}  // namespace duet
