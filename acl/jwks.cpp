// The JWK Set half of acl/token.h.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "acl/base64url.h"
#include "acl/jwk.h"
#include "acl/strict_json.h"
#include "acl/token.h"

namespace duet {
namespace {

using nlohmann::json;

// The algorithm that a key of this type is used with; nullopt: not a type of ours.
std::optional<SignatureAlgorithm> algorithm_of_type(const json& jwk) {
  const auto* type = find_string(jwk, "kty");
  if (type == nullptr) return std::nullopt;
  if (*type == "RSA") return SignatureAlgorithm::rs256;
  const auto* curve = find_string(jwk, "crv");
  if (curve == nullptr) return std::nullopt;
  if (*type == "EC" && *curve == "P-256") return SignatureAlgorithm::es256;
  if (*type == "OKP" && *curve == "Ed25519") return SignatureAlgorithm::eddsa;
  return std::nullopt;
}

bool for_other_use(const json& jwk) {
  if (jwk.contains("use")) {
    const auto* use = find_string(jwk, "use");
    return use == nullptr || *use != "sig";
  }
  return false;
}

// An algorithm that we do not have at all, such as PS256 or RSA-OAEP.
bool for_other_algorithm(const json& jwk) {
  const auto* alg = find_string(jwk, "alg");
  return alg != nullptr && !parse_signature_algorithm(*alg);
}

Result<PublicKey, std::string> make_key(const json& jwk, SignatureAlgorithm algorithm) {
  const auto bytes_at = [&jwk](const char* name) -> std::optional<std::string> {
    const auto* text = find_string(jwk, name);
    return text != nullptr ? decode_base64url(*text) : std::nullopt;
  };
  const bool rsa = algorithm == SignatureAlgorithm::rs256;
  const auto first = bytes_at(rsa ? "n" : "x");
  if (!first) return failed(rsa ? "'n' is not base64url" : "'x' is not base64url");
  if (algorithm == SignatureAlgorithm::eddsa) return PublicKey::ed25519(*first);
  const auto second = bytes_at(rsa ? "e" : "y");
  if (!second) return failed(rsa ? "'e' is not base64url" : "'y' is not base64url");
  return rsa ? PublicKey::rsa(*first, *second) : PublicKey::ec_p256(*first, *second);
}

// The key, null when it is none of ours, or what is wrong with it.
Result<std::shared_ptr<const JwkSet::Key>, std::string> read_key(const json& jwk) {
  if (!jwk.is_object()) return failed("it is not an object");
  const auto algorithm = algorithm_of_type(jwk);
  if (!algorithm || for_other_use(jwk) || for_other_algorithm(jwk)) return nullptr;
  if (jwk.contains("d")) return failed("it is a private key, which does not belong into this file");
  if (jwk.contains("alg")) {
    const auto* alg = find_string(jwk, "alg");
    if (alg == nullptr || *alg != to_string(*algorithm)) {
      return failed("'alg' does not fit its type, which is for " + std::string(to_string(*algorithm)));
    }
  }
  const auto* key_id = find_string(jwk, "kid");
  if (key_id == nullptr && jwk.contains("kid")) return failed("'kid' is not a string");
  auto key = make_key(jwk, *algorithm);
  if (!key) return failed(std::move(key).error());
  return std::make_shared<const JwkSet::Key>(
      JwkSet::Key{key_id != nullptr ? *key_id : std::string(), *std::move(key)});
}

// How a message names a key: by its place, and its kid where it has one.
std::string name_of(const json& jwk, std::size_t index) {
  std::string name = "key " + std::to_string(index + 1);
  const auto* key_id = jwk.is_object() ? find_string(jwk, "kid") : nullptr;
  if (key_id != nullptr) name += " ('" + *key_id + "')";
  return name;
}

// Keys of another type may have the same `kid` (RFC 7517 4.5).
bool taken(const std::vector<std::shared_ptr<const JwkSet::Key>>& keys, const JwkSet::Key& key) {
  return !key.key_id.empty() && std::any_of(keys.begin(), keys.end(), [&](const auto& other) {
    return other->key_id == key.key_id && other->key.algorithm() == key.key.algorithm();
  });
}

}  // namespace

Result<JwkSet, std::string> JwkSet::parse(std::string_view text) {
  return parse(text, nullptr);
}

Result<JwkSet, std::string> JwkSet::parse_foreign(std::string_view text, std::vector<std::string>& left_out) {
  return parse(text, &left_out);
}

Result<JwkSet, std::string> JwkSet::parse(std::string_view text, std::vector<std::string>* left_out) {
  static constexpr std::array<std::string_view, 1> kNames{"keys"};
  const auto object = parse_strict_object(text, kNames);
  if (!object) return failed("it is not a JSON object");
  const auto list = object->find("keys");
  if (list == object->end() || !list->is_array()) return failed("it has no array 'keys'");

  JwkSet set;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto& jwk = (*list)[i];
    auto key = read_key(jwk);
    if (key && *key == nullptr) continue;
    if (key && taken(set.keys_, **key)) key = failed("its 'kid' is given twice");
    if (key) {
      set.keys_.push_back(*std::move(key));
      continue;
    }
    std::string wrong = name_of(jwk, i) + ": " + key.error();
    if (left_out == nullptr) return failed(std::move(wrong));
    left_out->push_back(std::move(wrong));
  }
  if (set.keys_.empty()) return failed("it has no EC P-256, RSA or Ed25519 key for signatures");
  return set;
}

}  // namespace duet
