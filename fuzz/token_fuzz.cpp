// Access tokens and key sets. Input: a letter, and
//   t        a token, verbatim
//   j        a JWK set
//   e r d    a line with a header and one with claims, signed honestly by the EC, RSA or Ed25519 key
//   E D      two bytes, and the same two lines: the token has one byte altered, at that place
//   h        the same two lines, signed with HMAC under the public keys
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "acl/base64url.h"
#include "acl/token.h"
#include "fuzz/fuzz.h"
#include "tests/unit/acl/forge.h"

namespace duet::fuzz {
namespace {

using nlohmann::json;

constexpr std::int64_t kNowSeconds = 1'700'000'000;
constexpr Timestamp kNow{std::chrono::seconds(kNowSeconds)};
constexpr std::int64_t kSkewSeconds = 30;

const std::string& key_set() {
  static const std::string set = R"({"keys":[)" + ec_key().public_jwk() + "," + rsa_key().public_jwk() + "," +
                                 ed_key().public_jwk() + "]}";
  return set;
}

const TokenVerifier& verifier() {
  static const TokenVerifier one(JwkSet::parse(key_set()).value(), {.issuer = "duet", .audience = "duet"});
  return one;
}

// What the issuer must have said for the token to pass.
void check_claims(const json& claims, const Claims& accepted) {
  const auto& audience = claims.at("aud");
  const bool for_us =
      audience == "duet" ||
      (audience.is_array() && std::find(audience.begin(), audience.end(), "duet") != audience.end());
  require(claims.at("iss") == "duet" && for_us, "a token is from our issuer, for us");
  require(claims.at("exp").get<double>() > static_cast<double>(kNowSeconds - kSkewSeconds),
          "no token is expired");
  for (const char* name : {"nbf", "iat"}) {
    if (claims.contains(name)) {
      require(claims.at(name).get<double>() <= static_cast<double>(kNowSeconds + kSkewSeconds),
              "every token is valid already");
    }
  }
  require(claims.at("sub") == accepted.subject, "the subject is the token's");
  const auto& scope = claims.at("scope").get_ref<const std::string&>();
  require(scope.find(to_string(accepted.role)) != std::string::npos, "the role is in the scope");
  require(accepted.role == Role::chat ? UserId::valid(accepted.subject)
                                      : accepted.subject == to_string(accepted.role),
          "a user has a user's name, a service its role");
  require(claims.contains("device") == accepted.device.has_value(), "a device claim binds");
}

void check_principal(const Claims& claims) {
  const std::string other = claims.subject == "mallory" ? "oscar:phone" : "mallory:phone";
  require(!principal_for(claims, other), "nobody gets another user's session");
  const std::string own =
      claims.role == Role::chat
          ? claims.subject + ":" + (claims.device ? claims.device->str() : std::string("phone"))
          : "duet-" + claims.subject;
  const auto principal = principal_for(claims, own);
  require(principal && principal->role() == claims.role && principal->client_id() == own,
          "everybody gets his own session");
}

void check_honest(const SigningKey& key, std::string_view header, std::string_view text) {
  const auto verified = verifier().verify(forge_token(key, header, text), kNow);
  if (!verified) {
    require(verified.error() != TokenError::bad_signature ||
                json::parse(header, nullptr, false).value("kid", key.key_id()) == key.key_id(),
            "a right signature is right");
    return;
  }
  const auto parsed = json::parse(header);
  require(parsed.at("alg") == to_string(key.algorithm()), "the algorithm is the key's");
  require(parsed.value("kid", key.key_id()) == key.key_id(), "the key is the one that signed");
  require(!parsed.contains("crit"), "no extension is passed over");
  check_claims(json::parse(text), *verified);
  check_principal(*verified);
}

void check_altered(const SigningKey& key, Input& input) {
  const std::size_t place = input.two_bytes();
  const auto change = static_cast<char>(input.byte());
  const auto header = input.line();
  std::string token = forge_token(key, header, input.rest());
  if (change == 0) return;
  char& byte = token[place % token.size()];
  byte = static_cast<char>(byte ^ change);
  require(!verifier().verify(token, kNow), "no altered token is accepted");
}

void check_hmac(std::string_view header, std::string_view claims) {
  for (const SigningKey* key : {&ec_key(), &ed_key()}) {
    const auto verified = verifier().verify(forge_hmac_token(key->public_jwk(), header, claims), kNow);
    require(!verified, "no token is accepted that a public key has signed");
  }
}

void check_base64url(std::string_view text) {
  if (const auto decoded = decode_base64url(text)) {
    require(encode_base64url(*decoded) == text, "bytes have one text");
  }
  require(decode_base64url(encode_base64url(text)) == text, "bytes are decoded as they were encoded");
}

void check_key_set(std::string_view text) {
  const auto set = JwkSet::parse(text);
  if (!set) {
    require(!set.error().empty(), "an error says what is wrong");
    return;
  }
  const auto parsed = json::parse(text);
  require(!set->keys().empty() && set->keys().size() <= parsed.at("keys").size(),
          "a set has the keys that are listed");
  // Whatever the keys are, ours did not sign for them.
  const auto verified = TokenVerifier(*set, {.issuer = "duet", .audience = "duet"});
  static const std::string token = forge_token(ed_key(), R"({"alg":"EdDSA"})", "{}");
  require(!verified.verify(token, kNow), "a token without claims is refused");
}

}  // namespace

void run_input(std::string_view bytes) {
  Input input(bytes);
  const char form = static_cast<char>(input.byte());
  switch (form) {
    case 't':
      require(!verifier().verify(input.rest(), kNow), "nobody can guess a signature");
      return check_base64url(input.rest());
    case 'j':
      return check_key_set(input.rest());
    case 'E':
      return check_altered(ec_key(), input);
    case 'D':
      return check_altered(ed_key(), input);
    default:
      break;
  }
  const auto header = input.line();
  const auto claims = input.rest();
  if (form == 'e') check_honest(ec_key(), header, claims);
  if (form == 'r') check_honest(rsa_key(), header, claims);
  if (form == 'd') check_honest(ed_key(), header, claims);
  if (form == 'h') check_hmac(header, claims);
}

}  // namespace duet::fuzz
