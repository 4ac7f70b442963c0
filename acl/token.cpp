#include "acl/token.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "acl/base64url.h"
#include "acl/jwk.h"
#include "acl/strict_json.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTokenBytes = std::size_t{8} * 1024;

// Later dates are nonsense (year 9999), and below it every sum of times stays in range.
constexpr double kMaxNumericDate = 253402300799;

Failure<TokenError> failed(TokenError error) {
  return Failure<TokenError>(error);
}

// The three parts of a compact JWS (RFC 7515 7.1). The signed text is a view into the token.
struct Jws {
  std::string_view signed_text;
  std::string header;
  std::string claims;
  std::string signature;
};

std::optional<Jws> parse_jws(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return std::nullopt;
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  auto header = decode_base64url(token.substr(0, first));
  auto claims = decode_base64url(token.substr(first + 1, second - first - 1));
  auto signature = decode_base64url(token.substr(second + 1));  // refuses a third dot
  if (!header || !claims || !signature) return std::nullopt;
  return Jws{token.substr(0, second), *std::move(header), *std::move(claims), *std::move(signature)};
}

struct JwsHeader {
  SignatureAlgorithm algorithm;
  std::optional<std::string> key_id;
};

Result<JwsHeader, TokenError> parse_header(std::string_view text) {
  static constexpr std::array<std::string_view, 3> kNames{"alg", "kid", "crit"};
  const auto object = parse_strict_object(text, kNames);
  if (!object) return failed(TokenError::not_a_jws);
  if (object->contains("crit")) return failed(TokenError::critical_header);
  const auto* alg = find_string(*object, "alg");
  const auto algorithm = alg != nullptr ? parse_signature_algorithm(*alg) : std::nullopt;
  if (!algorithm) return failed(TokenError::unsupported_alg);
  if (!object->contains("kid")) return JwsHeader{*algorithm, std::nullopt};
  const auto* key_id = find_string(*object, "kid");
  if (key_id == nullptr) return failed(TokenError::not_a_jws);
  return JwsHeader{*algorithm, *key_id};
}

using Keys = std::vector<std::shared_ptr<const JwkSet::Key>>;

// Finds the key and checks the signature with the key's own algorithm; nullopt when it is right.
std::optional<TokenError> check_signature(const Keys& keys, const JwsHeader& header, const Jws& jws) {
  TokenError error = TokenError::unknown_key;
  for (const auto& candidate : keys) {
    if (header.key_id && (candidate->key_id != *header.key_id || candidate->key_id.empty())) continue;
    if (candidate->key.algorithm() != header.algorithm) {
      if (header.key_id && error == TokenError::unknown_key) error = TokenError::alg_not_of_key;
      continue;
    }
    if (candidate->key.verifies(jws.signed_text, jws.signature)) return std::nullopt;
    error = TokenError::bad_signature;
  }
  return error;
}

// A NumericDate (RFC 7519 2), which may have a fraction; nullopt when absent or not one.
std::optional<Timestamp> date_at(const json& claims, const char* name) {
  const auto member = claims.find(name);
  if (member == claims.end() || !member->is_number()) return std::nullopt;
  const auto seconds = member->get<double>();
  if (!(seconds >= 0 && seconds <= kMaxNumericDate)) return std::nullopt;
  return Timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
}

// `aud` is one string or an array of strings (RFC 7519 4.1.3).
std::optional<TokenError> check_audience(const json& claims, const std::string& wanted) {
  const auto audience = claims.find("aud");
  if (audience == claims.end()) return TokenError::missing_claim;
  if (const auto* one = audience->get_ptr<const std::string*>()) {
    return *one == wanted ? std::nullopt : std::optional(TokenError::wrong_audience);
  }
  if (!audience->is_array()) return TokenError::missing_claim;
  bool found = false;
  for (const auto& one : *audience) {
    const auto* text = one.get_ptr<const std::string*>();
    if (text == nullptr) return TokenError::missing_claim;
    found = found || *text == wanted;
  }
  return found ? std::nullopt : std::optional(TokenError::wrong_audience);
}

std::optional<TokenError> check_issuer(const json& claims, const std::string& wanted) {
  const auto* issuer = find_string(claims, "iss");
  if (issuer == nullptr) return TokenError::missing_claim;
  return *issuer == wanted ? std::nullopt : std::optional(TokenError::wrong_issuer);
}

std::optional<TokenError> check_times(const json& claims, std::chrono::seconds skew, Timestamp now) {
  const auto expires_at = date_at(claims, "exp");
  if (!expires_at) return TokenError::missing_claim;
  if (now >= *expires_at + skew) return TokenError::expired;  // "on or after", RFC 7519 4.1.4
  for (const char* name : {"nbf", "iat"}) {
    if (!claims.contains(name)) continue;
    const auto from = date_at(claims, name);
    if (!from) return TokenError::missing_claim;
    if (now + skew < *from) return TokenError::not_yet_valid;
  }
  return std::nullopt;
}

// The one role among the space-separated words of `scope` (RFC 6749 3.3); words that are not ours are
// somebody else's and are passed over.
Result<Role, TokenError> find_role(std::string_view scope) {
  std::optional<Role> found;
  while (!scope.empty()) {
    const auto space = scope.find(' ');
    const auto role = parse_role(scope.substr(0, space));
    if (role && found && *role != *found) return failed(TokenError::bad_scope);
    if (role) found = role;
    scope.remove_prefix(space == std::string_view::npos ? scope.size() : space + 1);
  }
  if (!found) return failed(TokenError::bad_scope);
  return *found;
}

Result<Claims, TokenError> make_claims(const json& claims) {
  const auto* subject = find_string(claims, "sub");
  const auto* scope = find_string(claims, "scope");
  const auto expires_at = date_at(claims, "exp");
  if (subject == nullptr || scope == nullptr || !expires_at) return failed(TokenError::missing_claim);
  const auto role = find_role(*scope);
  if (!role) return failed(role.error());
  const bool chat = *role == Role::chat;
  if (chat ? !UserId::valid(*subject) : *subject != to_string(*role)) return failed(TokenError::bad_subject);
  Claims out{*role, *subject, std::nullopt, *expires_at, date_at(claims, "iat").value_or(Timestamp())};
  if (claims.contains("device")) {
    const auto* device = find_string(claims, "device");
    if (chat && device != nullptr) out.device = DeviceId::parse(*device);
    if (!out.device) return failed(TokenError::bad_device);
  }
  return out;
}

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const auto space = words.find(' ');
    if (words.substr(0, space) == word) return true;
    words.remove_prefix(space == std::string_view::npos ? words.size() : space + 1);
  }
  return false;
}

Result<Claims, TokenError> make_other_claims(const json& claims, const OtherIssuer& issuer) {
  const auto* name = find_string(claims, issuer.user_claim.c_str());
  const auto expires_at = date_at(claims, "exp");
  if (name == nullptr || !expires_at) return failed(TokenError::missing_claim);
  std::string subject = issuer.user_prefix + *name;
  if (!UserId::valid(subject)) return failed(TokenError::bad_subject);
  if (!issuer.required_scope.empty()) {
    const auto* scope = find_string(claims, "scope");
    if (scope == nullptr || !has_word(*scope, issuer.required_scope)) return failed(TokenError::bad_scope);
  }
  Claims out{Role::chat, std::move(subject), std::nullopt, *expires_at,
             date_at(claims, "iat").value_or(Timestamp())};
  if (!issuer.device_claim.empty() && claims.contains(issuer.device_claim)) {
    const auto* device = find_string(claims, issuer.device_claim.c_str());
    if (device != nullptr) out.device = DeviceId::parse(*device);
    if (!out.device) return failed(TokenError::bad_device);
  }
  return out;
}

// The claims that are ours to name.
struct ClaimNames {
  std::string_view user = "sub";
  std::string_view device = "device";
};

// What every issuer's claims must have. The text is the issuer's: its key has signed it.
Result<json, TokenError> check_claims(const std::string& text, const ClaimNames& ours,
                                      const TokenRules& rules, Timestamp now) {
  const std::array<std::string_view, 9> names{"iss", "aud",   "sub",     "exp",      "nbf",
                                              "iat", "scope", ours.user, ours.device};
  auto claims = parse_strict_object(text, names);
  if (!claims) return failed(TokenError::not_a_jws);
  if (const auto error = check_issuer(*claims, rules.issuer)) return failed(*error);
  if (const auto error = check_audience(*claims, rules.audience)) return failed(*error);
  if (const auto error = check_times(*claims, rules.clock_skew, now)) return failed(*error);
  return *std::move(claims);
}

// Providers sign with one key set under several names, and for several audiences.
bool is_for_another(TokenError error) {
  return error == TokenError::wrong_issuer || error == TokenError::wrong_audience;
}

}  // namespace

std::string_view to_string(TokenError error) {
  switch (error) {
    case TokenError::not_a_jws:
      return "not a compact JWS";
    case TokenError::unsupported_alg:
      return "unsupported algorithm";
    case TokenError::critical_header:
      return "critical header that is not understood";
    case TokenError::unknown_key:
      return "no such key";
    case TokenError::alg_not_of_key:
      return "the algorithm is not the key's";
    case TokenError::bad_signature:
      return "wrong signature";
    case TokenError::missing_claim:
      return "a claim is missing or ill-typed";
    case TokenError::wrong_issuer:
      return "wrong issuer";
    case TokenError::wrong_audience:
      return "wrong audience";
    case TokenError::expired:
      return "expired";
    case TokenError::not_yet_valid:
      return "not yet valid";
    case TokenError::bad_subject:
      return "the subject is not a user or service name";
    case TokenError::bad_scope:
      return "the scope names not exactly one role";
    case TokenError::bad_device:
      return "the device claim is not a device name";
  }
  return "unknown";
}

TokenVerifier::TokenVerifier(JwkSet keys, TokenRules rules, std::vector<OtherIssuer> others)
    : keys_(std::move(keys)), rules_(std::move(rules)), others_(std::move(others)) {}

Result<Claims, TokenError> TokenVerifier::verify(std::string_view token, Timestamp now) const {
  const auto jws = parse_jws(token);
  if (!jws) return failed(TokenError::not_a_jws);
  const auto header = parse_header(jws->header);
  if (!header) return failed(header.error());
  TokenError most_telling = TokenError::unknown_key;
  if (const auto error = check_signature(keys_.keys(), *header, *jws)) {
    most_telling = *error;
  } else {
    const auto claims = check_claims(jws->claims, {}, rules_, now);
    if (claims) return make_claims(*claims);
    if (!is_for_another(claims.error())) return failed(claims.error());
    most_telling = claims.error();
  }
  for (const OtherIssuer& other : others_) {
    const auto refused = check_signature(other.keys.keys(), *header, *jws);
    if (refused) {
      if (most_telling == TokenError::unknown_key) most_telling = *refused;
      continue;
    }
    const auto claims = check_claims(jws->claims, {other.user_claim, other.device_claim},
                                     {other.issuer, other.audience, rules_.clock_skew}, now);
    if (claims) return make_other_claims(*claims, other);
    if (!is_for_another(claims.error())) return failed(claims.error());
    most_telling = claims.error();
  }
  return failed(most_telling);
}

std::optional<Principal> principal_for(const Claims& claims, std::string_view client_id) {
  if (claims.role != Role::chat) {
    auto service = parse_service_client_id(client_id);
    if (!service || service->role != claims.role) return std::nullopt;
    return Principal::of_service(service->role, std::move(service->instance), claims.expires_at);
  }
  auto device = parse_client_id(client_id);
  if (!device || device->user.str() != claims.subject) return std::nullopt;
  if (claims.device && device->device != *claims.device) return std::nullopt;
  return Principal::of_device(*std::move(device), claims.expires_at, claims.issued_at);
}

}  // namespace duet
