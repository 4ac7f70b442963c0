#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "acl/jwk.h"
#include "acl/signing_key.h"
#include "acl/token.h"
#include "tests/unit/acl/forge.h"

namespace duet {
namespace {

using nlohmann::json;

json jwk_of(const SigningKey& key) {
  return json::parse(key.public_jwk());
}

Result<JwkSet, std::string> parse_set(const std::vector<json>& keys) {
  return JwkSet::parse(json{{"keys", keys}}.dump());
}

TEST(JwkSet, TakesEveryKeyOfOurKinds) {
  const auto set = parse_set({jwk_of(ec_key()), jwk_of(rsa_key()), jwk_of(ed_key())});
  ASSERT_TRUE(set) << set.error();
  ASSERT_EQ(set->keys().size(), 3U);
  EXPECT_EQ(set->keys()[0]->key.algorithm(), SignatureAlgorithm::es256);
  EXPECT_EQ(set->keys()[1]->key.algorithm(), SignatureAlgorithm::rs256);
  EXPECT_EQ(set->keys()[2]->key.algorithm(), SignatureAlgorithm::eddsa);
  EXPECT_EQ(set->keys()[2]->key_id, ed_key().key_id());
}

TEST(JwkSet, NeedsNeitherAlgNorUseNorKid) {
  const auto set = parse_set({without(without(without(jwk_of(ec_key()), "alg"), "use"), "kid"),
                              without(jwk_of(rsa_key()), "kid"), without(jwk_of(ed_key()), "kid")});
  ASSERT_TRUE(set) << set.error();
  EXPECT_EQ(set->keys().size(), 3U);
}

TEST(JwkSet, LeavesOtherKeysOut) {
  const std::vector<json> others{
      {{"kty", "oct"}, {"k", "c2VjcmV0"}, {"alg", "HS256"}},
      {{"kty", "OKP"}, {"crv", "X25519"}, {"x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}},
      {{"kty", "EC"}, {"crv", "P-384"}, {"x", "AA"}, {"y", "AA"}},
      {{"kty", "new"}},
      {{"no", "kty"}},
      {{"kty", 7}},
      with(jwk_of(rsa_key()), "use", "enc"),
      with(jwk_of(rsa_key()), "use", nullptr),
      with(jwk_of(rsa_key()), "alg", "PS256"),
      with(jwk_of(rsa_key()), "alg", "RSA-OAEP"),
      with(jwk_of(ec_key()), "alg", "HS256"),
      with(jwk_of(ec_key()), "alg", "none"),
  };
  for (const auto& other : others) {
    const auto set = parse_set({other, jwk_of(ed_key())});
    ASSERT_TRUE(set) << other << set.error();
    EXPECT_EQ(set->keys().size(), 1U) << other;
    EXPECT_FALSE(parse_set({other})) << other;
  }
}

TEST(JwkSet, SaysWhichKeyIsWrong) {
  const std::vector<std::pair<json, std::string>> cases{
      {with(jwk_of(ec_key()), "alg", "RS256"), "'alg' does not fit its type, which is for ES256"},
      {with(jwk_of(rsa_key()), "alg", "EdDSA"), "'alg' does not fit its type, which is for RS256"},
      {with(jwk_of(ed_key()), "alg", 7), "'alg' does not fit its type, which is for EdDSA"},
      {with(jwk_of(ec_key()), "d", "AA"), "it is a private key, which does not belong into this file"},
      {with(jwk_of(ec_key()), "x", jwk_of(ec_key()).at("y")), "the point is not on the curve P-256"},
      {with(jwk_of(ec_key()), "x", "AA"), "a coordinate is not of 32 bytes"},
      {with(jwk_of(ec_key()), "x", jwk_of(ec_key()).at("x").get<std::string>() + "="),
       "'x' is not base64url"},
      {without(jwk_of(ec_key()), "y"), "'y' is not base64url"},
      {with(jwk_of(rsa_key()), "n", "AQAB"), "the modulus has fewer than 2048 bits"},
      {without(jwk_of(rsa_key()), "e"), "'e' is not base64url"},
      {with(jwk_of(ed_key()), "x", "AA"), "'x' is not of 32 bytes"},
  };
  for (const auto& [jwk, message] : cases) {
    const auto set = parse_set({jwk_of(rsa_key()), jwk});
    ASSERT_FALSE(set) << jwk;
    EXPECT_EQ(set.error(), "key 2 ('" + jwk.at("kid").get<std::string>() + "'): " + message);
  }
  EXPECT_EQ(parse_set({with(jwk_of(ec_key()), "kid", 7)}).error(), "key 1: 'kid' is not a string");
  EXPECT_EQ(parse_set({7}).error(), "key 1: it is not an object");
  EXPECT_EQ(parse_set({jwk_of(ec_key()), jwk_of(ec_key())}).error(),
            "key 2 ('" + ec_key().key_id() + "'): its 'kid' is given twice");
}

TEST(JwkSet, OfSomebodyElseLeavesOutWhatItCannotUse) {
  auto odd = jwk_of(rsa_key());
  odd["n"] = "AQAB";
  std::vector<std::string> left_out;
  const auto set = JwkSet::parse_foreign(json{{"keys", {odd, jwk_of(ec_key()), 7}}}.dump(), left_out);
  ASSERT_TRUE(set) << set.error();
  EXPECT_EQ(set->keys().size(), 1U);
  ASSERT_EQ(left_out.size(), 2U);
  EXPECT_EQ(left_out[1], "key 3: it is not an object");
  EXPECT_FALSE(JwkSet::parse_foreign(json{{"keys", {odd}}}.dump(), left_out));
}

// RFC 7517 4.5.
TEST(JwkSet, TakesOneKeyIdForKeysOfTwoTypes) {
  const auto set = parse_set({jwk_of(ec_key()), with(jwk_of(ed_key()), "kid", ec_key().key_id())});
  ASSERT_TRUE(set) << set.error();
  EXPECT_EQ(set->keys().size(), 2U);
}

TEST(JwkSet, SaysWhatIsNoSet) {
  EXPECT_EQ(JwkSet::parse("").error(), "it is not a JSON object");
  EXPECT_EQ(JwkSet::parse("[]").error(), "it is not a JSON object");
  EXPECT_EQ(JwkSet::parse(R"({"keys":[],"keys":[]})").error(), "it is not a JSON object");
  EXPECT_EQ(JwkSet::parse("{}").error(), "it has no array 'keys'");
  EXPECT_EQ(JwkSet::parse(R"({"keys":{}})").error(), "it has no array 'keys'");
  EXPECT_EQ(JwkSet::parse(R"({"keys":[]})").error(), "it has no EC P-256, RSA or Ed25519 key for signatures");
}

}  // namespace
}  // namespace duet
