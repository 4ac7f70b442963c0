// acl/token.h: access tokens, JSON Web Tokens (RFC 7519) signed as compact JWS (RFC 7515).
//
// Pure: no I/O, no clock. A verifier is immutable and may be used by several threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/principal.h"
#include "protocol/names.h"
#include "protocol/result.h"

namespace duet {

// Each way a token can fail has its own enumerator: the log is told which, the client only "not authorized".
enum class TokenError : std::uint8_t {
  not_a_jws,        // not three base64url parts with a JSON header and JSON claims, or over 8 KiB
  unsupported_alg,  // `alg` is absent, none, HMAC or anything but ES256, RS256, EdDSA
  critical_header,  // there is a `crit` (RFC 7515 4.1.11): we know no extension
  unknown_key,      // no key of the set has that `kid` (or, without `kid`, that `alg`)
  alg_not_of_key,   // the key is for another algorithm than the header says
  bad_signature,
  missing_claim,  // iss, aud, sub, exp or scope is absent or ill-typed, or nbf or iat ill-typed
  wrong_issuer,
  wrong_audience,
  expired,
  not_yet_valid,  // nbf or iat lies in the future
  bad_subject,    // `sub` is not a user name (or, of a service, not its role)
  bad_scope,      // names none of our roles, or more than one
  bad_device,     // a claim of the device outside the grammar, or in a service's token
};
std::string_view to_string(TokenError error);

// The public keys that tokens are checked against: a JWK Set (RFC 7517) of EC P-256, RSA (at least 2048 bits)
// and Ed25519 (RFC 8037) keys. Each key has exactly one algorithm, from its type (and from `alg`, which must
// agree). Keys of other types, whose `use` is not "sig", or with an `alg` that is none of our three, are left
// out.
class JwkSet {
 public:
  // The error is a sentence that names the key and what is wrong with it. A set without a usable key is an
  // error.
  static Result<JwkSet, std::string> parse(std::string_view json);
  // Of somebody else's set: keys that cannot be used are left out (RFC 7517 5), and named in `left_out`.
  static Result<JwkSet, std::string> parse_foreign(std::string_view json, std::vector<std::string>& left_out);

  struct Key;  // algorithm, key id, EVP_PKEY
  const std::vector<std::shared_ptr<const Key>>& keys() const { return keys_; }

 private:
  // Null: what is wrong with a key is wrong with the set.
  static Result<JwkSet, std::string> parse(std::string_view json, std::vector<std::string>* left_out);

  std::vector<std::shared_ptr<const Key>> keys_;
};

struct TokenRules {
  std::string issuer;
  std::string audience;
  std::chrono::seconds clock_skew{30};
};

// Another identity provider, whose users are users here. Its tokens open chat sessions and nothing else:
// `scope` names no role of ours.
struct OtherIssuer {
  std::string issuer;
  std::string audience;
  std::string user_claim = "sub";  // the claim with the user's name
  std::string user_prefix = {};  // put before it, so that two providers' users are not taken for one another
  std::string device_claim =
      {};  // the claim, if a token has it, with the only device it is good for; empty: none
  std::string required_scope = {};  // a word that `scope` must have; empty: none
  JwkSet keys = {};                 // none: every token of it is refused
};

struct Claims {
  Role role;
  std::string subject;             // of a chat token a UserId, of a service's its role
  std::optional<DeviceId> device;  // `device`: the token is good for that device only
  Timestamp expires_at;
  Timestamp issued_at = {};  // `iat`; without one the epoch: before every end of a login
};

class TokenVerifier {
 public:
  TokenVerifier(JwkSet keys, TokenRules rules, std::vector<OtherIssuer> others = {});

  // Verifies a compact JWS and its claims at `now`. The algorithm is the key's; the header's `alg` must equal
  // it. Whoever's key has signed must be the issuer; several may have the same keys, and one several
  // audiences. Refuses a token without `exp`. No I/O.
  Result<Claims, TokenError> verify(std::string_view token, Timestamp now) const;

  const TokenRules& rules() const { return rules_; }

 private:
  JwkSet keys_;
  TokenRules rules_;
  std::vector<OtherIssuer> others_;
};

// Whom the claims make of a connection with this client id: the principal, or nullopt when the client id is
// not the subject's (`user:device` with the token's user and, if it names one, device; `duet-<role>…` for a
// service).
std::optional<Principal> principal_for(const Claims& claims, std::string_view client_id);

}  // namespace duet
