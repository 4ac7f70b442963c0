#include "acl/issuers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/acl/forge.h"

namespace duet {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr std::int64_t kIssuedSeconds = 1'700'000'000;
constexpr Timestamp kIssued{std::chrono::seconds(kIssuedSeconds)};
const std::string kRealm = "https://id.example.com/realms/chat";

json entry() {
  return {{"issuer", kRealm}, {"audience", "duet"}, {"jwks_file", "/etc/keys.json"}};
}

std::string error_of(const json& entries) {
  const auto parsed = parse_issuers(json{{"issuers", entries}}.dump(), {TakenIssuer{"duet"}});
  return parsed ? "" : parsed.error();
}

TEST(ParseIssuers, ReadsEveryMember) {
  auto full = entry();
  full.update({{"user_claim", "preferred_username"},
               {"user_prefix", "kc|"},
               {"device_claim", "dev"},
               {"required_scope", "chat"}});
  const auto parsed = parse_issuers(
      json{{"issuers", json::array({entry(), with(full, "issuer", "other")})}}.dump(), {TakenIssuer{"duet"}});
  ASSERT_TRUE(parsed) << parsed.error();
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ(parsed->at(0).issuer.issuer, kRealm);
  EXPECT_EQ(parsed->at(0).issuer.user_claim, "sub");
  EXPECT_EQ(parsed->at(0).jwks_file, "/etc/keys.json");
  EXPECT_EQ(parsed->at(1).issuer.user_claim, "preferred_username");
  EXPECT_EQ(parsed->at(1).issuer.user_prefix, "kc|");
  EXPECT_EQ(parsed->at(0).issuer.device_claim, "");
  EXPECT_EQ(parsed->at(1).issuer.device_claim, "dev");
  EXPECT_EQ(parsed->at(1).issuer.required_scope, "chat");
  EXPECT_TRUE(parse_issuers(R"({"issuers": []})", {TakenIssuer{"duet"}}));
}

TEST(ParseIssuers, NamesWhatIsWrong) {
  for (const char* form : {"", "[]", "{}", R"({"issuers": {}})", R"({"issuers": [], "more": 1})",
                           R"({"issuers": [], "issuers": []})"}) {
    EXPECT_FALSE(parse_issuers(form, {TakenIssuer{"duet"}})) << form;
  }
  EXPECT_THAT(error_of(json::array({7})), HasSubstr("issuer 1 is no object"));
  for (const char* name : {"issuer", "audience"}) {
    EXPECT_THAT(error_of(json::array({without(entry(), name)})),
                HasSubstr(std::string("'") + name + "' is missing"));
  }
  EXPECT_THAT(error_of(json::array({with(entry(), "audience", 7)})), HasSubstr("'audience' is no string"));
  EXPECT_THAT(error_of(json::array({with(entry(), "user_clam", "sub")})),
              HasSubstr("'user_clam' is not known"));
  EXPECT_THAT(error_of(json::array({with(entry(), "user_claim", "")})), HasSubstr("'user_claim' is empty"));
  EXPECT_THAT(error_of(json::array({with(entry(), "user_prefix", "a/b")})), HasSubstr("'user_prefix'"));
  EXPECT_THAT(error_of(json::array({with(entry(), "issuer", "duet")})), HasSubstr("named before"));
  EXPECT_THAT(error_of(json::array({entry(), entry()})), HasSubstr("issuer 2"));
  EXPECT_EQ(error_of(json::array({entry(), with(entry(), "audience", "duet-web")})), "");
}

// Neither of a file nor of a server.
json without_keys() {
  return without(entry(), "jwks_file");
}

TEST(ParseIssuers, ReadsWhereKeysAreFetched) {
  auto full = with(without_keys(), "jwks_url", "https://id.example.com/certs");
  auto found = with(with(without_keys(), "issuer", "https://tenant.eu.auth0.com/"), "discovery", true);
  full.update({{"ca_file", "/etc/ca.pem"}, {"refresh_s", 60}, {"keep_s", 3600}});
  const auto parsed =
      parse_issuers(json{{"issuers", json::array({full, found, with(entry(), "issuer", "c")})}}.dump(), {});
  ASSERT_TRUE(parsed) << parsed.error();
  const RemoteKeys& keycloak = *parsed->at(0).remote;
  EXPECT_EQ(keycloak.url, "https://id.example.com/certs");
  EXPECT_FALSE(keycloak.discovery);
  EXPECT_EQ(keycloak.ca_file, "/etc/ca.pem");
  EXPECT_EQ(keycloak.refresh, std::chrono::seconds(60));
  EXPECT_EQ(keycloak.keep, std::chrono::hours(1));
  const RemoteKeys& auth0 = *parsed->at(1).remote;
  EXPECT_EQ(auth0.url, "https://tenant.eu.auth0.com/.well-known/openid-configuration");
  EXPECT_TRUE(auth0.discovery);
  EXPECT_EQ(auth0.refresh, std::nullopt);
  EXPECT_EQ(auth0.keep, std::chrono::hours(7 * 24));
  EXPECT_FALSE(parsed->at(2).remote);
  EXPECT_NE(fetched_keys_name("https://a/b"), fetched_keys_name("https://a_b"));
  EXPECT_EQ(fetched_keys_name("../a/b").find('/'), std::string::npos);
}

TEST(ParseIssuers, NamesWhatIsWrongWithWhereKeysAreFetched) {
  const json url = with(without_keys(), "jwks_url", "https://id.example.com/certs");
  const std::vector<std::pair<json, std::string>> rows{
      {without_keys(), "'jwks_file', 'jwks_url' or 'discovery' is missing"},
      {with(url, "discovery", true), "is enough"},
      {with(url, "jwks_file", "/etc/keys.json"), "is enough"},
      {with(url, "jwks_url", "http://id.example.com/certs"), "'http://id.example.com/certs' is no https URL"},
      {with(url, "jwks_url", ""), "'jwks_url' is empty"},
      {with(url, "jwks_url", 7), "'jwks_url' is no string"},
      {with(with(without_keys(), "discovery", true), "issuer", "duet.example"), "is no https URL"},
      {with(without_keys(), "discovery", false), "'discovery' can only be true"},
      {with(url, "refresh_s", 0), "'refresh_s' is no number from 1 to 86400"},
      {with(url, "refresh_s", "60"), "'refresh_s' is no number"},
      {with(url, "keep_s", 59), "'keep_s' is no number from 60 to"},
      {with(url, "issuer", "https://id.example.com/" + std::string(128, 'x')), "'issuer' is too long"},
      {with(entry(), "refresh_s", 60), "are for keys that are fetched"},
      {with(entry(), "ca_file", "/etc/ca.pem"), "are for keys that are fetched"}};
  for (const auto& [row, error] : rows) EXPECT_THAT(error_of(json::array({row})), HasSubstr(error)) << row;
}

class OtherIssuers : public testing::Test {
 protected:
  // Ours signs with the EC key, Keycloak's realm with the RSA key, Auth0's tenant with the Ed25519 key.
  OtherIssuers() {
    keycloak_.keys = *JwkSet::parse(rsa_key().jwk_set());
    auth0_.keys = *JwkSet::parse(ed_key().jwk_set());
  }

  std::string verified(const SigningKey& key, const json& claims) const {
    const TokenVerifier verifier(*JwkSet::parse(ec_key().jwk_set()), {"duet", "duet"}, {keycloak_, auth0_});
    const json header{{"alg", to_string(key.algorithm())}, {"kid", key.key_id()}, {"typ", "JWT"}};
    const auto result = verifier.verify(forge_token(key, header.dump(), claims.dump()), kIssued);
    if (!result) return std::string(to_string(result.error()));
    EXPECT_EQ(result->role, Role::chat);
    EXPECT_FALSE(result->device);
    EXPECT_EQ(result->issued_at, kIssued);
    return result->subject;
  }

  // As Keycloak 24 makes them, but for what identifies the session.
  json keycloak() const {
    return {{"iss", kRealm},
            {"aud", {"duet", "account"}},
            {"sub", "f3b1c0de-0000-4000-8000-000000000001"},
            {"typ", "Bearer"},
            {"azp", "shop"},
            {"exp", kIssuedSeconds + 300},
            {"iat", kIssuedSeconds},
            {"auth_time", kIssuedSeconds},
            {"realm_access", {{"roles", {"offline_access", "uma_authorization"}}}},
            {"resource_access", {{"account", {{"roles", {"manage-account"}}}}}},
            {"scope", "openid profile chat email"},
            {"email_verified", false},
            {"preferred_username", "alice"}};
  }
  json auth0() const {
    return {{"iss", "https://tenant.eu.auth0.com/"},
            {"sub", "auth0|65a1b2c3d4e5f60718293a4b"},
            {"aud", {"https://chat.example.com", "https://tenant.eu.auth0.com/userinfo"}},
            {"iat", kIssuedSeconds},
            {"exp", kIssuedSeconds + 86400},
            {"azp", "client"},
            {"scope", "openid profile"}};
  }

  OtherIssuer keycloak_{.issuer = kRealm,
                        .audience = "duet",
                        .user_claim = "preferred_username",
                        .user_prefix = "kc|",
                        .required_scope = "chat"};
  OtherIssuer auth0_{.issuer = "https://tenant.eu.auth0.com/", .audience = "https://chat.example.com"};
};

TEST_F(OtherIssuers, OpenChatSessionsForTheirUsers) {
  EXPECT_EQ(verified(rsa_key(), keycloak()), "kc|alice");
  EXPECT_EQ(verified(ed_key(), auth0()), "auth0|65a1b2c3d4e5f60718293a4b");
}

// A word of theirs that is a role of ours, and a device of theirs, mean nothing.
TEST_F(OtherIssuers, AreNoServicesAndBindNoDevice) {
  EXPECT_EQ(verified(ed_key(), with(auth0(), "scope", "store push auth")), "auth0|65a1b2c3d4e5f60718293a4b");
  EXPECT_EQ(verified(ed_key(), with(auth0(), "device", 7)), "auth0|65a1b2c3d4e5f60718293a4b");
  EXPECT_EQ(verified(ed_key(), with(with(auth0(), "sub", "store"), "scope", "store")), "store");  // a user
}

TEST_F(OtherIssuers, BindADeviceInTheClaimThatIsNamed) {
  auth0_.device_claim = "https://chat.example.com/device";
  const TokenVerifier verifier(*JwkSet::parse(ec_key().jwk_set()), {"duet", "duet"}, {auth0_});
  const auto verify = [&](const json& claims) {
    const json header{{"alg", to_string(ed_key().algorithm())}, {"kid", ed_key().key_id()}};
    return verifier.verify(forge_token(ed_key(), header.dump(), claims.dump()), kIssued);
  };
  EXPECT_FALSE(verify(auth0())->device);
  EXPECT_FALSE(verify(with(auth0(), "device", "phone"))->device);
  EXPECT_EQ(verify(with(auth0(), auth0_.device_claim.c_str(), "phone"))->device, DeviceId::parse("phone"));
  for (const json& nonsense : {json(7), json(""), json("a/b"), json(nullptr)}) {
    const auto result = verify(with(auth0(), auth0_.device_claim.c_str(), nonsense));
    ASSERT_FALSE(result) << nonsense;
    EXPECT_EQ(result.error(), TokenError::bad_device);
  }
}

// Google's and Microsoft's name themselves in two ways and sign with the same keys; a provider's web app and
// its phone app are two audiences.
TEST_F(OtherIssuers, MayShareKeysAndHaveSeveralAudiences) {
  auth0_.keys = keycloak_.keys;
  EXPECT_EQ(verified(rsa_key(), keycloak()), "kc|alice");
  EXPECT_EQ(verified(rsa_key(), auth0()), "auth0|65a1b2c3d4e5f60718293a4b");
  auth0_ = keycloak_;
  auth0_.audience = "duet-web";
  auth0_.user_prefix = "web|";
  EXPECT_EQ(verified(rsa_key(), with(keycloak(), "aud", "duet-web")), "web|alice");
  EXPECT_EQ(verified(rsa_key(), with(keycloak(), "aud", "duet-tv")), "wrong audience");
  EXPECT_EQ(verified(rsa_key(), with(keycloak(), "iss", "https://else.example.com")), "wrong issuer");
}

TEST_F(OtherIssuers, SpeakForThemselvesAlone) {
  EXPECT_EQ(verified(ed_key(), keycloak()), "wrong issuer");
  EXPECT_EQ(verified(rsa_key(), auth0()), "wrong issuer");
  EXPECT_EQ(verified(rsa_key(), with(keycloak(), "iss", "duet")), "wrong issuer");
  EXPECT_EQ(verified(ec_key(), keycloak()), "wrong issuer");  // ours for theirs
  EXPECT_EQ(verified(SigningKey::generate(SignatureAlgorithm::rs256), keycloak()), "no such key");
}

TEST_F(OtherIssuers, AreHeldToTheirRules) {
  EXPECT_EQ(verified(rsa_key(), with(keycloak(), "aud", "account")), "wrong audience");
  EXPECT_EQ(verified(rsa_key(), with(keycloak(), "exp", kIssuedSeconds - 31)), "expired");
  EXPECT_EQ(verified(rsa_key(), with(keycloak(), "nbf", kIssuedSeconds + 31)), "not yet valid");
  EXPECT_EQ(verified(rsa_key(), with(keycloak(), "scope", "openid chatter")),
            "the scope names not exactly one role");
  EXPECT_EQ(verified(rsa_key(), without(keycloak(), "scope")), "the scope names not exactly one role");
  EXPECT_EQ(verified(rsa_key(), without(keycloak(), "preferred_username")),
            "a claim is missing or ill-typed");
  EXPECT_EQ(verified(rsa_key(), without(keycloak(), "exp")), "a claim is missing or ill-typed");
  EXPECT_EQ(verified(rsa_key(), with(keycloak(), "preferred_username", "a/b")),
            "the subject is not a user or service name");
}

TEST_F(OtherIssuers, WithoutKeysAreRefused) {
  keycloak_.keys = {};
  EXPECT_EQ(verified(rsa_key(), keycloak()), "no such key");
}

}  // namespace
}  // namespace duet
