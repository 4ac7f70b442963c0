#include "acl/signing_key.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "acl/base64url.h"
#include "acl/token.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::array<SignatureAlgorithm, 3> kAlgorithms{SignatureAlgorithm::es256, SignatureAlgorithm::rs256,
                                                        SignatureAlgorithm::eddsa};
const Timestamp kIssuedAt{std::chrono::seconds(1700000000)};

// RFC 8037 A.1 in PKCS #8: 16 bytes of ASN.1, then the private key.
constexpr const char* kRfc8037Pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";

TEST(SignatureAlgorithm, HasTheNamesOfJose) {
  EXPECT_EQ(to_string(SignatureAlgorithm::es256), "ES256");
  EXPECT_EQ(to_string(SignatureAlgorithm::rs256), "RS256");
  EXPECT_EQ(to_string(SignatureAlgorithm::eddsa), "EdDSA");
  for (const auto algorithm : kAlgorithms) {
    EXPECT_EQ(parse_signature_algorithm(to_string(algorithm)), algorithm);
  }
  for (const char* text : {"", "none", "None", "HS256", "es256", "ES384", "RS512", "PS256", "EDDSA"}) {
    EXPECT_FALSE(parse_signature_algorithm(text)) << text;
  }
}

TEST(SigningKey, SurvivesItsPemForm) {
  for (const auto algorithm : kAlgorithms) {
    const auto key = SigningKey::generate(algorithm);
    EXPECT_EQ(key.algorithm(), algorithm);
    const auto again = SigningKey::from_pem(key.to_pem());
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(again->algorithm(), algorithm);
    EXPECT_EQ(again->key_id(), key.key_id());
    EXPECT_EQ(again->jwk_set(), key.jwk_set());
    EXPECT_EQ(again->to_pem(), key.to_pem());
  }
}

TEST(SigningKey, IsNamedByItsThumbprint) {
  const auto key = SigningKey::from_pem(kRfc8037Pem);
  ASSERT_TRUE(key) << key.error();
  EXPECT_EQ(key->key_id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");  // RFC 8037 A.3
  EXPECT_EQ(json::parse(key->public_jwk()).at("x"), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
}

TEST(SigningKey, PublishesOnlyThePublicHalf) {
  for (const auto algorithm : kAlgorithms) {
    const auto key = SigningKey::generate(algorithm);
    const auto jwk = json::parse(key.public_jwk());
    EXPECT_EQ(jwk.at("kid"), key.key_id());
    EXPECT_EQ(jwk.at("alg"), to_string(algorithm));
    EXPECT_EQ(jwk.at("use"), "sig");
    for (const char* secret : {"d", "p", "q", "dp", "dq", "qi", "k"}) EXPECT_FALSE(jwk.contains(secret));
    EXPECT_EQ(json::parse(key.jwk_set()), (json{{"keys", json::array({jwk})}}));
  }
}

// Small numbers keep their leading zeros: one key in 256 has one in x, one in y.
TEST(SigningKey, WritesCoordinatesInFull) {
  for (int i = 0; i < 600; ++i) {
    const auto key = SigningKey::generate(SignatureAlgorithm::es256);
    const auto set = JwkSet::parse(key.jwk_set());
    ASSERT_TRUE(set) << set.error();
  }
}

TEST(SigningKey, RefusesOtherKeys) {
  // Made by `openssl genpkey` and `openssl ec`; good for nothing else.
  const std::array<const char*, 9> refused{
      "",
      "nonsense",
      "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      // X25519
      "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
      "-----END PRIVATE KEY-----\n",
      // P-384
      "-----BEGIN PRIVATE KEY-----\n"
      "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDByzDz7QMlyODVRdDxB\n"
      "VtjCdN9tKChQ+9BOYww2fFXfLlVFMbItb1sUhFs6Z+8RNOChZANiAATc5enWjl3+\n"
      "dRqDs0k94mQz116s31hYh11KKp+AwQYFAoffFETT4Oh2n4gK7y+sAiJXFjqMg+E/\n"
      "vCFe44obF4og1hrjLzjq4nNtH/YQxey/SVRUh8o7MFSTbedIsYW7UN0=\n"
      "-----END PRIVATE KEY-----\n",
      // RSA, 1024 bits
      "-----BEGIN PRIVATE KEY-----\n"
      "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBALaxHxHy5E8SlmBl\n"
      "n++Ut1sZ+lZdbsvcA7GXLa/UKbqYbnQou1g2mgbbFRZXMoISzfzSL+IcWX2S+Rs1\n"
      "+Mv4NdZkW+RxXHIHZxXtmWfRZHQvASHKO9zjjmogGzr4xA3G9d3ak8PieDOxUILF\n"
      "/UQbYhyc/aH5xegZs1ic3zTlHEeTAgMBAAECgYA2IIodDkK4bsBg9RsKp5wfgLXb\n"
      "yrjd62SoxCrEEm7+mtT2026WNy8xYs1/nfwX76xaAIgxTMby3o2xky8Qd4yzZJs4\n"
      "mjlm58phTEojfh+3MXnBKm80Pd02JU56EkREh+Dwh9m90D+wmY/TTWSq6/7zwIco\n"
      "Lged102sAdMX0y5ReQJBAO+tC/4w0aLqcqxb8SCnncxOA70RNRM28nuE62X6A41B\n"
      "nrJfmFV5lF/QbHCSNJc602chxYHseNDxc5ORV8QtIXUCQQDDIoJCEmqZE0s227fK\n"
      "hf/p5HU141vlyV3Y+TOSwiUsF3duNX40Eqoc7chYc3RyV9V/mZZkGheiyVA35W91\n"
      "NNvnAkAj4yBZlku9fidfgYDQZ+irz76lj68HyoFyV0u8ADyJ6RpvEPtJSSQbWKT0\n"
      "EiBHyKog1iCxvIu2lYC9xtSCblOFAkEAhNQBvP4SR97lTRNlWVu7pzfXPXZlgNaA\n"
      "poiDvbugWBIlPwT0wneOCqElxmfY9ViqwPAIel10h1/n1hS8uRjhMwJAUUB0s3sQ\n"
      "UFu0wXuhuyUIuqoSZyOHKbI1AZCVZvTaqZY9ny+46KPRgqMprBrwItkRnLeUOwTf\n"
      "oDUQlDEkIMYC7A==\n"
      "-----END PRIVATE KEY-----\n",
      // encrypted
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
      "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAivo287MgRnYQICCAAw\n"
      "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEE7mATMviay52cjwizYmOF8EQBYn\n"
      "Jr4WPnFLoTvTnrWl+sty9feI0ohUw108wl9aDQiw4GTazHbjsiACluGrL2NXr/Rt\n"
      "MeotTclYfc+P2+K1OPo=\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n",
      // SEC 1
      "-----BEGIN EC PRIVATE KEY-----\n"
      "MHcCAQEEIAqvbfyO+6RlNpDysz7wNY4yPyocS3l8VZOpOqjk29T9oAoGCCqGSM49\n"
      "AwEHoUQDQgAEun9RQMPBJmTMN8dpm41sueVcdwuP/yn19Ap5U4/a5GU6i7W8X2YR\n"
      "k+PAGnuGH56CxQieI2vNucJARgDPWG5XdQ==\n"
      "-----END EC PRIVATE KEY-----\n",
  };
  for (const char* pem : refused) {
    const auto key = SigningKey::from_pem(pem);
    ASSERT_FALSE(key) << pem;
    EXPECT_FALSE(key.error().empty());
    EXPECT_EQ(key.error().find("BEGIN PRIVATE KEY-----\n"), std::string::npos);
  }
}

json part(const std::string& token, int index) {
  std::size_t from = 0;
  for (int i = 0; i < index; ++i) from = token.find('.', from) + 1;
  return json::parse(*decode_base64url(token.substr(from, token.find('.', from) - from)));
}

TEST(SigningKey, SignsWhatTheSpecSays) {
  const auto key = SigningKey::generate(SignatureAlgorithm::es256);
  const TokenSpec spec{"iss",
                       "aud",
                       Role::chat,
                       "alice",
                       DeviceId::parse("phone"),
                       kIssuedAt + std::chrono::milliseconds(999),
                       kIssuedAt + std::chrono::seconds(900)};
  const auto token = key.sign(spec);
  EXPECT_EQ(part(token, 0), (json{{"alg", "ES256"}, {"kid", key.key_id()}, {"typ", "JWT"}}));
  auto claims = part(token, 1);
  EXPECT_EQ(claims.at("jti").get<std::string>().size(), 22U);  // 128 random bits
  EXPECT_NE(claims.at("jti"), part(key.sign(spec), 1).at("jti"));
  claims.erase("jti");
  EXPECT_EQ(claims, (json{{"iss", "iss"},
                          {"aud", "aud"},
                          {"sub", "alice"},
                          {"scope", "chat"},
                          {"device", "phone"},
                          {"iat", 1700000000},
                          {"exp", 1700000900}}));
}

TEST(SigningKey, SignsOthersClaimsAsTheyAre) {
  for (const auto algorithm : kAlgorithms) {
    const auto key = SigningKey::generate(algorithm);
    const std::string header = R"({ "typ":"JWT", "alg":")" + std::string(to_string(algorithm)) + R"("})";
    const std::string claims =
        R"({ "iss":"duet","aud":"duet","sub":"store","scope":"store","exp":1700000060,"iat":1700000000 })";
    const auto token = key.sign_jws(header, claims);
    EXPECT_TRUE(token.starts_with(encode_base64url(header) + "." + encode_base64url(claims) + "."));
    const auto verified =
        TokenVerifier(*JwkSet::parse(key.jwk_set()), {"duet", "duet"}).verify(token, kIssuedAt);
    ASSERT_TRUE(verified) << to_string(verified.error());
    EXPECT_EQ(verified->subject, "store");
  }
}

TEST(SigningKey, SignsWhatItsKeySetVerifies) {
  for (const auto algorithm : kAlgorithms) {
    const auto key = SigningKey::generate(algorithm);
    const TokenVerifier verifier(*JwkSet::parse(key.jwk_set()), {"duet", "duet"});
    for (int i = 0; i < 300; ++i) {  // R and S of an ECDSA signature may have leading zeros too
      const auto token = key.sign({"duet", "duet", Role::store, "store", std::nullopt, kIssuedAt,
                                   kIssuedAt + std::chrono::seconds(60)});
      const auto claims = verifier.verify(token, kIssuedAt);
      ASSERT_TRUE(claims) << to_string(claims.error());
      EXPECT_EQ(claims->role, Role::store);
      EXPECT_EQ(claims->subject, "store");
      EXPECT_EQ(claims->expires_at, kIssuedAt + std::chrono::seconds(60));
      if (algorithm == SignatureAlgorithm::rs256 && i > 10) break;
    }
  }
}

}  // namespace
}  // namespace duet
