// The keys of another identity provider are fetched from its server, while everything runs.

#include <gmock/gmock.h>

#include "acl/signing_key.h"
#include "file_io/file.h"
#include "tests/support/fake_provider.h"
#include "tests/support/jws.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class KeyFetch : public ::testing::Test {
 protected:
  void TearDown() override {
    if (HasFailure()) std::cerr << platform_->logs() << platform_->log_of("keys");
  }
  // Starts the platform with this issuer, in whose tokens the user is `sub`.
  void start(json issuer) {
    issuer["audience"] = "duet";
    issuer["refresh_s"] = 1;
    issuer["ca_file"] = provider_.ca_file();
    const auto file = dir_.path() / "issuers.json";
    write_file_atomically(file, json{{"issuers", {issuer}}}.dump());
    platform_ = std::make_unique<TestPlatform>("[tokens]\nissuers_file = \"" + file.string() + "\"\n" +
                                               std::string(kUnlimited));
  }
  // Another key signs from now on, and is the only one.
  void rotate() {
    key_ = SigningKey::generate(SignatureAlgorithm::rs256);
    provider_.publish(key_.jwk_set());
  }

  // As Keycloak makes them: several audiences, a session, a name beside the subject.
  std::string keycloak_token(const std::string& user) const {
    return sign({{"iss", provider_.issuer()},
                 {"aud", {"duet", "account"}},
                 {"sub", "f3b1c0de-0000-4000-8000-000000000001"},
                 {"typ", "Bearer"},
                 {"azp", "chat-app"},
                 {"sid", "0b0f6b7e"},
                 {"realm_access", {{"roles", {"offline_access"}}}},
                 {"preferred_username", user},
                 {"scope", "openid profile"}});
  }
  // As Auth0 makes them: the issuer ends with a slash, the subject names the connection.
  std::string auth0_token(const std::string& subject) const {
    return sign({{"iss", provider_.issuer() + "/"},
                 {"aud", {"duet", provider_.issuer() + "/userinfo"}},
                 {"sub", subject},
                 {"azp", "aBcDeF123"},
                 {"gty", "password"},
                 {"scope", "openid profile email"}});
  }
  int connect(const std::string& user, const std::string& token) const {
    TestDevice device(*platform_, user);
    device.spec().password = token;
    return device.connect();
  }
  bool is_let_in(const std::string& user, const std::string& token) const {
    return eventually([&] { return connect(user, token) == kSuccess; });
  }
  // Waits until the provider has been asked so often again.
  void await_answers(int more) const {
    const int wanted = provider_.answers() + more;
    EXPECT_TRUE(eventually([&] { return provider_.answers() >= wanted; }));
  }

  TempDir dir_;
  FakeProvider provider_;
  SigningKey key_ = SigningKey::generate(SignatureAlgorithm::rs256);
  std::unique_ptr<TestPlatform> platform_;

 private:
  std::string sign(json claims) const {
    claims["iat"] = seconds_now();
    claims["exp"] = seconds_now() + 300;
    return sign_jws({{"alg", "RS256"}, {"typ", "JWT"}, {"kid", key_.key_id()}}, claims, key_.to_pem());
  }
};

TEST_F(KeyFetch, ARotatedKeyIsKnownSoonAndNobodyIsDisconnected) {
  provider_.publish(key_.jwk_set());
  start({{"issuer", provider_.issuer()},
         {"jwks_url", provider_.keys_url()},
         {"user_claim", "preferred_username"},
         {"user_prefix", "kc|"}});
  ASSERT_TRUE(is_let_in("kc|alice", keycloak_token("alice")));
  TestDevice bob(*platform_, "bob");
  bob.go_online();
  TestDevice alice(*platform_, "kc|alice");
  alice.spec().password = keycloak_token("alice");
  alice.go_online();
  const Envelope sent = alice.send("bob", "hello");
  EXPECT_EQ(bob.wait_message("kc|alice", sent.id.str()).body, "hello");

  const std::string before = keycloak_token("carol");
  rotate();
  EXPECT_TRUE(is_let_in("kc|carol", keycloak_token("carol")));
  EXPECT_NE(connect("kc|carol", before), kSuccess);
  EXPECT_TRUE(alice.mqtt().connected());
  EXPECT_TRUE(bob.mqtt().connected());
  EXPECT_NE(connect("bob", keycloak_token("bob")), kSuccess);  // his name there is kc|bob
}

TEST_F(KeyFetch, TheProvidersBadDaysAreNobodyElses) {
  provider_.publish(key_.jwk_set());
  start({{"issuer", provider_.issuer() + "/"}, {"jwks_url", provider_.keys_url()}});
  ASSERT_TRUE(is_let_in("auth0|64f0c", auth0_token("auth0|64f0c")));
  TestDevice bob(*platform_, "bob");
  bob.go_online();
  for (const Mood mood : {Mood::garbage, Mood::too_large}) {
    provider_.set_mood(mood);
    await_answers(1);  // of this mood
    EXPECT_EQ(connect("auth0|64f0c", auth0_token("auth0|64f0c")), kSuccess) << static_cast<int>(mood);
    provider_.set_mood(Mood::well);
    await_answers(1);
  }
  provider_.set_mood(Mood::slow);
  const int begun = provider_.begun();
  EXPECT_TRUE(eventually([&] { return provider_.begun() > begun; }));
  EXPECT_EQ(connect("auth0|64f0c", auth0_token("auth0|64f0c")), kSuccess);
  const Envelope sent = bob.send("auth0|64f0c", "are you there?");
  EXPECT_EQ(bob.wait_sent("auth0|64f0c", sent.id.str()).id, sent.id);

  provider_.set_mood(Mood::well);
  rotate();
  EXPECT_TRUE(is_let_in("auth0|64f0c", auth0_token("auth0|64f0c")));  // it is asked again
  provider_.go_away();
  EXPECT_TRUE(
      eventually([&] { return platform_->log_of("keys").find("the last ones stay") != std::string::npos; }));
  EXPECT_EQ(connect("auth0|64f0c", auth0_token("auth0|64f0c")), kSuccess);
  EXPECT_TRUE(bob.mqtt().connected());
}

TEST_F(KeyFetch, DiscoveryFindsTheKeys) {
  provider_.publish(key_.jwk_set());
  start({{"issuer", provider_.issuer()}, {"discovery", true}, {"user_claim", "preferred_username"}});
  EXPECT_TRUE(is_let_in("dora", keycloak_token("dora")));
}

TEST(KeyFetchCertificate, AServerThatCannotProveItsNameIsNotBelieved) {
  FakeProvider liar(FakeProvider::Certificate::of_another_host);
  const SigningKey key = SigningKey::generate(SignatureAlgorithm::rs256);
  liar.publish(key.jwk_set());
  const TempDir dir;
  const auto file = dir.path() / "issuers.json";
  const json issuer{{"issuer", liar.issuer()},
                    {"audience", "duet"},
                    {"jwks_url", liar.keys_url()},
                    {"refresh_s", 1},
                    {"ca_file", liar.ca_file()}};
  write_file_atomically(file, json{{"issuers", {issuer}}}.dump());
  TestPlatform platform("[tokens]\nissuers_file = \"" + file.string() + "\"\n" + std::string(kUnlimited));
  EXPECT_TRUE(
      eventually([&] { return platform.log_of("keys").find("cannot be fetched") != std::string::npos; }));
  TestDevice eve(platform, "eve");
  eve.spec().password = sign_jws({{"alg", "RS256"}, {"kid", key.key_id()}},
                                 {{"iss", liar.issuer()},
                                  {"aud", "duet"},
                                  {"sub", "eve"},
                                  {"iat", seconds_now()},
                                  {"exp", seconds_now() + 300}},
                                 key.to_pem());
  EXPECT_NE(eve.connect(), kSuccess);
  EXPECT_EQ(liar.begun(), 0);
  TestDevice bob(platform, "bob");
  bob.go_online();  // by the platform's own keys
}

}  // namespace
}  // namespace duet
