// Tokens of another identity provider open sessions, and its keys may be replaced while everything runs.

#include <gmock/gmock.h>

#include "acl/signing_key.h"
#include "file_io/file.h"
#include "tests/support/jws.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;

// A provider with a key, and the files that name it to the platform.
class Provider {
 public:
  Provider() {
    publish_keys();
    const json issuer = {{"issuer", kIssuer},
                         {"audience", "duet"},
                         {"user_claim", "preferred_username"},
                         {"user_prefix", "kc|"},
                         {"jwks_file", jwks().string()}};
    write_file_atomically(issuers(), json{{"issuers", {issuer}}}.dump());
  }

  std::filesystem::path issuers() const { return dir_.path() / "issuers.json"; }
  std::string config() const {
    return "[tokens]\nissuers_file = \"" + issuers().string() + "\"\n" + std::string(kUnlimited);
  }

  // Another key signs from now on.
  void rotate() {
    key_ = SigningKey::generate(SignatureAlgorithm::rs256);
    publish_keys();
  }

  std::string token(const std::string& user) const {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    const json claims = {{"iss", kIssuer},
                         {"aud", {"duet", "account"}},
                         {"sub", "f3b1c0de-0000-4000-8000-000000000001"},
                         {"preferred_username", user},
                         {"scope", "openid profile"},
                         {"iat", now},
                         {"exp", now + 300}};
    return sign_jws({{"alg", "RS256"}, {"kid", key_.key_id()}}, claims, key_.to_pem());
  }

 private:
  static constexpr const char* kIssuer = "https://id.example.com/realms/chat";

  std::filesystem::path jwks() const { return dir_.path() / "keys.json"; }
  void publish_keys() const { write_file_atomically(jwks(), key_.jwk_set()); }

  TempDir dir_;
  SigningKey key_ = SigningKey::generate(SignatureAlgorithm::rs256);
};

class Issuers : public ::testing::Test {
 protected:
  void TearDown() override {
    if (HasFailure()) std::cerr << platform_.logs();
  }

  std::unique_ptr<TestDevice> device(const std::string& token) const {
    auto made = std::make_unique<TestDevice>(platform_, "kc|alice");
    made->spec().password = token;
    return made;
  }

  Provider provider_;
  TestPlatform platform_{provider_.config()};
};

TEST_F(Issuers, AnothersUserChatsAndItsKeysChange) {
  TestDevice bob(platform_, "bob");
  bob.go_online();
  const std::string before = provider_.token("alice");
  const auto alice = device(before);
  alice->go_online();
  const Envelope sent = alice->send("bob", "hello");
  EXPECT_EQ(bob.wait_message("kc|alice", sent.id.str()).body, "hello");

  provider_.rotate();
  const std::string after = provider_.token("alice");
  // Nobody is told: the broker sees that the file is another.
  EXPECT_TRUE(eventually([&] { return device(after)->connect() == kSuccess; }));
  EXPECT_NE(device(before)->connect(), kSuccess);
  EXPECT_TRUE(bob.mqtt().connected());
}

TEST_F(Issuers, AnotherSpeaksForItsOwnUsersOnly) {
  TestDevice bob(platform_, "bob");
  bob.spec().password = provider_.token("bob");  // his name there is kc|bob
  EXPECT_NE(bob.connect(), kSuccess);
}

}  // namespace
}  // namespace duet
