#include "acl/token.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "acl/base64url.h"
#include "acl/signing_key.h"
#include "tests/unit/acl/forge.h"

namespace duet {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kNowSeconds = 1700000000;
const Timestamp kNow{seconds(kNowSeconds)};

// Not the issuer's, which are those of forge.h.
const SigningKey kStranger = SigningKey::generate(SignatureAlgorithm::es256);

std::string key_set() {
  return R"({"keys":[)" + ec_key().public_jwk() + ',' + rsa_key().public_jwk() + ',' + ed_key().public_jwk() +
         "]}";
}

const TokenVerifier& verifier() {
  static const TokenVerifier instance(*JwkSet::parse(key_set()), {"https://issuer", "duet", seconds(30)});
  return instance;
}

json header_of(const SigningKey& key) {
  return {{"alg", to_string(key.algorithm())}, {"kid", key.key_id()}};
}

json good_claims() {
  return {{"iss", "https://issuer"}, {"aud", "duet"},      {"sub", "alice"},
          {"scope", "chat"},         {"iat", kNowSeconds}, {"exp", kNowSeconds + 900}};
}

std::string outcome(std::string_view token, Timestamp now = kNow) {
  const auto claims = verifier().verify(token, now);
  return std::string(claims ? "accepted" : to_string(claims.error()));
}

std::string outcome_of_header(const json& header) {
  return outcome(forge_token(ec_key(), header.dump(), good_claims().dump()));
}

std::string outcome_of_claims(const json& claims, Timestamp now = kNow) {
  return outcome(forge_token(ec_key(), header_of(ec_key()).dump(), claims.dump()), now);
}

std::string text(TokenError error) {
  return std::string(to_string(error));
}

const std::string kAccepted = "accepted";

TEST(VerifyToken, AcceptsEveryKind) {
  for (const auto* key : {&ec_key(), &rsa_key(), &ed_key()}) {
    EXPECT_EQ(outcome(forge_token(*key, header_of(*key).dump(), good_claims().dump())), kAccepted);
    // Without `kid` the algorithm finds the key (RFC 7515 4.1.4: kid is optional).
    EXPECT_EQ(outcome(forge_token(*key, without(header_of(*key), "kid").dump(), good_claims().dump())),
              kAccepted);
  }
}

TEST(VerifyToken, ReadsTheClaims) {
  auto claims =
      verifier().verify(forge_token(ec_key(), header_of(ec_key()).dump(), good_claims().dump()), kNow);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->role, Role::chat);
  EXPECT_EQ(claims->subject, "alice");
  EXPECT_FALSE(claims->device);
  EXPECT_EQ(claims->expires_at, kNow + seconds(900));
  claims = verifier().verify(
      forge_token(ed_key(), header_of(ed_key()).dump(), with(good_claims(), "device", "phone").dump()), kNow);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->device, DeviceId::parse("phone"));
}

TEST(VerifyToken, RefusesWhatIsNoJws) {
  const auto good = forge_token(ec_key(), header_of(ec_key()).dump(), good_claims().dump());
  const auto first = good.find('.');
  const auto second = good.find('.', first + 1);
  const std::vector<std::string> refused{
      "",
      ".",
      "..",
      "...",
      "a",
      "a.b",
      good.substr(0, second),
      good.substr(0, second) + '.' + good.substr(second),
      good + ".",
      "." + good,
      good + "=",
      good + " ",
      " " + good,
      good + '\n',
      good.substr(0, first) + "=" + good.substr(first),
      std::string(first, 'A') + good.substr(first),
      "W10" + good.substr(first),     // the header is []
      "bnVsbA" + good.substr(first),  // the header is null
      "{}" + good.substr(first),
      good + std::string(1, '\0'),
  };
  for (const auto& token : refused) EXPECT_EQ(outcome(token), text(TokenError::not_a_jws)) << token;
  EXPECT_EQ(outcome_of_header(with(header_of(ec_key()), "kid", 7)), text(TokenError::not_a_jws));
  // Signed, yet not claims.
  for (const std::string& payload :
       {std::string(), std::string("x"), std::string("[]"), std::string("{"),
        std::string(R"({"exp":1,"exp":2})"), std::string("{\"a\":") + std::string(20, '['),
        good_claims().dump() + std::string("\0x", 2)}) {
    EXPECT_EQ(outcome(forge_token(ec_key(), header_of(ec_key()).dump(), payload)),
              text(TokenError::not_a_jws))
        << payload;
  }
  const auto header = header_of(ec_key()).dump();
  const auto twice = header.substr(0, header.size() - 1) + R"(,"alg":"ES256"})";
  EXPECT_EQ(outcome(forge_token(ec_key(), twice, good_claims().dump())), text(TokenError::not_a_jws));
}

TEST(VerifyToken, BoundsTheSize) {
  const auto token_of = [](std::size_t pad) {
    return forge_token(ed_key(), header_of(ed_key()).dump(),
                       with(good_claims(), "pad", std::string(pad, 'x')).dump());
  };
  std::size_t pad = 5000;
  pad += (8192 - token_of(pad).size()) * 3 / 4 - 8;  // near the bound, then step by step
  while (token_of(pad + 1).size() <= 8192) ++pad;
  EXPECT_EQ(outcome(token_of(pad)), kAccepted);
  EXPECT_EQ(outcome(token_of(pad + 1)), text(TokenError::not_a_jws));
  EXPECT_EQ(outcome(std::string(1000000, 'A')), text(TokenError::not_a_jws));
}

TEST(VerifyToken, RefusesOtherAlgorithms) {
  for (const json& alg : {json("none"), json("None"), json("NONE"), json(""), json("HS256"), json("HS512"),
                          json("ES384"), json("es256"), json("RS512"), json("PS256"), json("Ed25519"),
                          json(7), json(nullptr), json::array({"ES256"})}) {
    EXPECT_EQ(outcome_of_header(with(header_of(ec_key()), "alg", alg)), text(TokenError::unsupported_alg))
        << alg;
  }
  EXPECT_EQ(outcome_of_header(without(header_of(ec_key()), "alg")), text(TokenError::unsupported_alg));
  // Unsigned (RFC 7519 6.1): the third part is empty.
  const auto unsigned_token =
      encode_base64url(R"({"alg":"none"})") + '.' + encode_base64url(good_claims().dump()) + '.';
  EXPECT_EQ(outcome(unsigned_token), text(TokenError::unsupported_alg));
}

// The classic confusion: an HMAC whose secret is the public key that everybody knows.
TEST(VerifyToken, RefusesAMacWithThePublicKey) {
  for (const auto* key : {&ec_key(), &rsa_key(), &ed_key()}) {
    for (const auto& secret : {key->public_jwk(), key->jwk_set(), key_set(), std::string()}) {
      const auto claims = good_claims().dump();
      EXPECT_EQ(
          outcome(forge_hmac_token(secret, R"({"alg":"HS256","kid":")" + key->key_id() + "\"}", claims)),
          text(TokenError::unsupported_alg));
      EXPECT_EQ(outcome(forge_hmac_token(secret, header_of(*key).dump(), claims)),
                text(TokenError::bad_signature));
    }
  }
}

TEST(VerifyToken, RefusesCriticalHeaders) {
  for (const json& crit :
       {json::array({"exp"}), json::array({"b64"}), json::array(), json("b64"), json(nullptr)}) {
    EXPECT_EQ(outcome_of_header(with(header_of(ec_key()), "crit", crit)), text(TokenError::critical_header))
        << crit;
  }
  EXPECT_EQ(outcome_of_header(with(with(header_of(ec_key()), "b64", false), "crit", {"b64"})),
            text(TokenError::critical_header));
  EXPECT_EQ(outcome_of_header(with(header_of(ec_key()), "typ", "at+jwt")), kAccepted);  // others are ignored
}

TEST(VerifyToken, FindsTheKeyByItsId) {
  for (const auto& kid :
       {kStranger.key_id(), std::string(), ec_key().key_id() + "x", ec_key().key_id().substr(1)}) {
    EXPECT_EQ(outcome_of_header(with(header_of(ec_key()), "kid", kid)), text(TokenError::unknown_key)) << kid;
  }
  // A set with no key of that algorithm.
  const TokenVerifier only_ed(*JwkSet::parse(ed_key().jwk_set()), verifier().rules());
  const auto token = forge_token(ec_key(), R"({"alg":"ES256"})", good_claims().dump());
  EXPECT_EQ(only_ed.verify(token, kNow).error(), TokenError::unknown_key);
  // Keys in the token itself are no keys of ours.
  const auto own_key = with(without(header_of(kStranger), "kid"), "jwk", json::parse(kStranger.public_jwk()));
  EXPECT_EQ(outcome(forge_token(kStranger, own_key.dump(), good_claims().dump())),
            text(TokenError::bad_signature));
}

// A header without `kid` must not match a key without one by both being empty.
TEST(VerifyToken, DoesNotTakeAnEmptyKeyIdForAKey) {
  auto jwk = json::parse(ec_key().public_jwk());
  jwk.erase("kid");
  const TokenVerifier nameless(*JwkSet::parse(json{{"keys", {jwk}}}.dump()), verifier().rules());
  const auto claims = good_claims().dump();
  EXPECT_TRUE(nameless.verify(forge_token(ec_key(), R"({"alg":"ES256"})", claims), kNow));
  EXPECT_EQ(nameless.verify(forge_token(ec_key(), R"({"alg":"ES256","kid":""})", claims), kNow).error(),
            TokenError::unknown_key);
}

TEST(VerifyToken, TriesEveryKeyOfTheAlgorithmWhenNoneIsNamed) {
  const TokenVerifier two(
      *JwkSet::parse(R"({"keys":[)" + kStranger.public_jwk() + ',' + ec_key().public_jwk() + "]}"),
      verifier().rules());
  const auto claims = good_claims().dump();
  EXPECT_TRUE(two.verify(forge_token(ec_key(), R"({"alg":"ES256"})", claims), kNow));
  EXPECT_TRUE(two.verify(forge_token(kStranger, R"({"alg":"ES256"})", claims), kNow));
}

TEST(VerifyToken, TakesTheAlgorithmFromTheKey) {
  for (const auto* key : {&ec_key(), &rsa_key(), &ed_key()}) {
    for (const auto* other : {&ec_key(), &rsa_key(), &ed_key()}) {
      const json header{{"alg", to_string(other->algorithm())}, {"kid", key->key_id()}};
      EXPECT_EQ(outcome(forge_token(*key, header.dump(), good_claims().dump())),
                key == other ? kAccepted : text(TokenError::alg_not_of_key));
    }
  }
}

TEST(VerifyToken, RefusesWrongSignatures) {
  const auto claims = good_claims().dump();
  EXPECT_EQ(outcome(forge_token(kStranger, header_of(ec_key()).dump(), claims)),
            text(TokenError::bad_signature));
  for (const auto* key : {&ec_key(), &rsa_key(), &ed_key()}) {
    const auto good = forge_token(*key, header_of(*key).dump(), claims);
    const auto dot = good.rfind('.');
    EXPECT_EQ(outcome(good.substr(0, dot + 1)), text(TokenError::bad_signature));
    EXPECT_EQ(outcome(good.substr(0, dot + 1) + std::string(86, 'A')), text(TokenError::bad_signature));
    // The claims of another token under this signature.
    const auto other = forge_token(*key, header_of(*key).dump(), with(good_claims(), "sub", "bob").dump());
    EXPECT_EQ(outcome(other.substr(0, other.rfind('.')) + good.substr(dot)), text(TokenError::bad_signature));
  }
}

// One character more, less or other, anywhere: never accepted.
TEST(VerifyToken, RefusesEveryChangedCharacter) {
  const auto good = forge_token(ed_key(), header_of(ed_key()).dump(), good_claims().dump());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char c : {'A', 'B', '_', '.', '='}) {
      auto changed = good;
      if (changed[at] == c) continue;
      changed[at] = c;
      EXPECT_NE(outcome(changed), kAccepted) << at;
    }
    EXPECT_NE(outcome(good.substr(0, at)), kAccepted) << at;
  }
}

TEST(VerifyToken, RequiresItsClaims) {
  for (const char* name : {"iss", "aud", "sub", "exp", "scope"}) {
    EXPECT_EQ(outcome_of_claims(without(good_claims(), name)), text(TokenError::missing_claim)) << name;
    for (const json& value : {json(nullptr), json(true), json::object()}) {
      EXPECT_EQ(outcome_of_claims(with(good_claims(), name, value)), text(TokenError::missing_claim)) << name;
    }
  }
  for (const char* name : {"iss", "sub", "scope", "aud"}) {
    EXPECT_EQ(outcome_of_claims(with(good_claims(), name, 7)), text(TokenError::missing_claim)) << name;
    EXPECT_EQ(outcome_of_claims(with(good_claims(), name, {7})), text(TokenError::missing_claim)) << name;
  }
  for (const char* name : {"exp", "nbf", "iat"}) {
    for (const json& value :
         {json("1700000900"), json(-1), json(1e300), json(253402300800), json::array({1})}) {
      EXPECT_EQ(outcome_of_claims(with(good_claims(), name, value)), text(TokenError::missing_claim))
          << name << ' ' << value;
    }
  }
  EXPECT_EQ(outcome_of_claims(with(good_claims(), "exp", 253402300799)), kAccepted);
  EXPECT_EQ(outcome_of_claims(without(good_claims(), "iat")), kAccepted);
}

TEST(VerifyToken, ChecksTheIssuer) {
  for (const char* issuer : {"", "https://issuer/", "https://ISSUER", "issuer"}) {
    EXPECT_EQ(outcome_of_claims(with(good_claims(), "iss", issuer)), text(TokenError::wrong_issuer))
        << issuer;
  }
}

TEST(VerifyToken, ChecksTheAudience) {
  for (const json& audience : {json("duet"), json::array({"duet"}), json::array({"other", "duet"})}) {
    EXPECT_EQ(outcome_of_claims(with(good_claims(), "aud", audience)), kAccepted) << audience;
  }
  for (const json& audience :
       {json(""), json("Duet"), json("duet2"), json::array(), json::array({"other"}), json("duet other")}) {
    EXPECT_EQ(outcome_of_claims(with(good_claims(), "aud", audience)), text(TokenError::wrong_audience))
        << audience;
  }
  EXPECT_EQ(outcome_of_claims(with(good_claims(), "aud", {"duet", 7})), text(TokenError::missing_claim));
}

TEST(VerifyToken, ExpiresAtTheSecondWithSkew) {
  const auto end = kNow + seconds(900);  // exp
  EXPECT_EQ(outcome_of_claims(good_claims(), end), kAccepted);
  EXPECT_EQ(outcome_of_claims(good_claims(), end + seconds(30) - milliseconds(1)), kAccepted);
  EXPECT_EQ(outcome_of_claims(good_claims(), end + seconds(30)), text(TokenError::expired));
  EXPECT_EQ(outcome_of_claims(good_claims(), end + seconds(30) + milliseconds(1)), text(TokenError::expired));
  EXPECT_EQ(outcome_of_claims(with(good_claims(), "exp", 0)), text(TokenError::expired));
  // A NumericDate may have a fraction (RFC 7519 2).
  const auto fraction = with(good_claims(), "exp", kNowSeconds + 0.5);
  EXPECT_EQ(outcome_of_claims(fraction, kNow + seconds(30) + milliseconds(499)), kAccepted);
  EXPECT_EQ(outcome_of_claims(fraction, kNow + seconds(30) + milliseconds(500)), text(TokenError::expired));
}

TEST(VerifyToken, BeginsAtTheSecondWithSkew) {
  for (const char* name : {"nbf", "iat"}) {
    const auto later = with(good_claims(), name, kNowSeconds + 100);
    EXPECT_EQ(outcome_of_claims(later, kNow + seconds(70) - milliseconds(1)), text(TokenError::not_yet_valid))
        << name;
    EXPECT_EQ(outcome_of_claims(later, kNow + seconds(70)), kAccepted) << name;
    EXPECT_EQ(outcome_of_claims(later, kNow + seconds(100)), kAccepted) << name;
  }
}

TEST(VerifyToken, KnowsNoSkewButItsOwn) {
  const TokenVerifier strict(*JwkSet::parse(key_set()), {"https://issuer", "duet", seconds(0)});
  const auto token = forge_token(ec_key(), header_of(ec_key()).dump(), good_claims().dump());
  EXPECT_TRUE(strict.verify(token, kNow));
  EXPECT_EQ(strict.verify(token, kNow - milliseconds(1)).error(), TokenError::not_yet_valid);
  EXPECT_TRUE(strict.verify(token, kNow + seconds(900) - milliseconds(1)));
  EXPECT_EQ(strict.verify(token, kNow + seconds(900)).error(), TokenError::expired);
}

TEST(VerifyToken, ChecksTheSubject) {
  for (const std::string& user : {std::string("a"), std::string("user@example.org"), std::string("auth0|1"),
                                  std::string(64, 'u'), std::string("store")}) {
    EXPECT_EQ(outcome_of_claims(with(good_claims(), "sub", user)), kAccepted) << user;
  }
  for (const std::string& user :
       {std::string(), std::string("al/ice"), std::string("al ice"), std::string("+"), std::string("#"),
        std::string("alice:phone"), std::string(65, 'u'), std::string("$SYS"), std::string("\xc3\xa9")}) {
    EXPECT_EQ(outcome_of_claims(with(good_claims(), "sub", user)), text(TokenError::bad_subject)) << user;
  }
  for (const char* role : {"store", "push", "auth"}) {
    EXPECT_EQ(outcome_of_claims(with(with(good_claims(), "sub", role), "scope", role)), kAccepted);
    EXPECT_EQ(outcome_of_claims(with(good_claims(), "scope", role)), text(TokenError::bad_subject));
  }
}

TEST(VerifyToken, ChecksTheScope) {
  for (const char* scope :
       {"chat", "openid chat", "chat openid profile", "openid  chat", " chat ", "chat chat"}) {
    EXPECT_EQ(outcome_of_claims(with(good_claims(), "scope", scope)), kAccepted) << scope;
  }
  for (const char* scope : {"", " ", "openid", "Chat", "chats", "chat,store", "chat store", "store push",
                            "chat\tstore", "store chat openid"}) {
    EXPECT_EQ(outcome_of_claims(with(good_claims(), "scope", scope)), text(TokenError::bad_scope)) << scope;
  }
}

TEST(VerifyToken, ChecksTheDevice) {
  for (const std::string& device : {std::string("d"), std::string(32, 'd')}) {
    EXPECT_EQ(outcome_of_claims(with(good_claims(), "device", device)), kAccepted);
  }
  for (const json& device : {json(""), json("a b"), json("+"), json("a/b"), json(std::string(33, 'd')),
                             json(7), json(nullptr), json::array({"phone"})}) {
    EXPECT_EQ(outcome_of_claims(with(good_claims(), "device", device)), text(TokenError::bad_device))
        << device;
  }
  const auto service = with(with(good_claims(), "sub", "store"), "scope", "store");
  EXPECT_EQ(outcome_of_claims(with(service, "device", "phone")), text(TokenError::bad_device));
}

TEST(TokenError, HasAWordForEach) {
  std::set<std::string> words;
  for (int value = 0; value <= static_cast<int>(TokenError::bad_device); ++value) {
    words.insert(text(static_cast<TokenError>(value)));
  }
  EXPECT_EQ(words.size(), 14U);
  EXPECT_FALSE(words.contains("unknown"));
}

}  // namespace
}  // namespace duet
