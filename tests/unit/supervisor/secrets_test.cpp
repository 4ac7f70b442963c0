#include "supervisor/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "acl/token.h"
#include "tests/unit/supervisor/text_file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr Timestamp kNow{std::chrono::milliseconds(1'800'000'000'000)};

class SecretsTest : public testing::Test {
 protected:
  SecretsTest() { layout_.prepare(); }

  std::string refusal() {
    try {
      open_signing_key(layout_, rules_);
    } catch (const std::exception& error) {
      return error.what();
    }
    return {};
  }

  TemporaryDirectory directory_;
  Layout layout_{directory_.path() / "var"};
  PlatformConfig::Tokens rules_;
};

TEST_F(SecretsTest, MakesTheKeyOnce) {
  const std::string first = open_signing_key(layout_, rules_).key_id();
  EXPECT_EQ(open_signing_key(layout_, rules_).key_id(), first);
  for (const auto& file : {layout_.signing_key(), layout_.jwks()}) {
    EXPECT_EQ(std::filesystem::status(file).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
}

TEST_F(SecretsTest, MakesALostKeySetAgain) {
  open_signing_key(layout_, rules_);
  std::filesystem::remove(layout_.jwks());
  EXPECT_EQ(refusal(), "");
  EXPECT_TRUE(std::filesystem::exists(layout_.jwks()));
}

TEST_F(SecretsTest, RefusesDamagedFilesByName) {
  open_signing_key(layout_, rules_);
  const std::string key = read_text(layout_.signing_key());
  write_text(layout_.signing_key(), "nonsense");
  EXPECT_THAT(refusal(), HasSubstr("signing.pem is damaged"));
  write_text(layout_.signing_key(), "");
  EXPECT_THAT(refusal(), HasSubstr("signing.pem is damaged"));
  write_text(layout_.signing_key(), key);
  EXPECT_EQ(refusal(), "");
  write_text(layout_.jwks(), "{}");
  EXPECT_THAT(refusal(), HasSubstr("jwks.json is damaged"));
}

TEST_F(SecretsTest, RefusesAKeySetOfAnotherKey) {
  open_signing_key(layout_, rules_);
  write_text(layout_.jwks(), SigningKey::generate(SignatureAlgorithm::es256).jwk_set());
  EXPECT_THAT(refusal(), HasSubstr("jwks.json does not hold the public half"));
}

TEST_F(SecretsTest, DoesNotReplaceALostKey) {
  open_signing_key(layout_, rules_);
  std::filesystem::remove(layout_.signing_key());
  EXPECT_THAT(refusal(), HasSubstr("signing.pem is missing"));
}

TEST_F(SecretsTest, RefusesAKeyThatOthersCanRead) {
  open_signing_key(layout_, rules_);
  std::filesystem::permissions(layout_.signing_key(), std::filesystem::perms(0644));
  EXPECT_THAT(refusal(), HasSubstr("signing.pem is open to other users"));
}

TEST_F(SecretsTest, ServiceTokensAreRenewedAfterAThirdOfTheirLife) {
  rules_.service_ttl = seconds(300);
  ServiceTokens tokens(open_signing_key(layout_, rules_), rules_, layout_);
  EXPECT_TRUE(tokens.refresh(kNow));
  const std::string first = read_text(layout_.token("store"));
  EXPECT_FALSE(tokens.refresh(kNow + seconds(99)));
  EXPECT_EQ(read_text(layout_.token("store")), first);
  EXPECT_TRUE(tokens.refresh(kNow + seconds(100)));
  EXPECT_NE(read_text(layout_.token("store")), first);
  EXPECT_TRUE(tokens.refresh(kNow - seconds(1000))) << "the clock was set back";
}

TEST_F(SecretsTest, TheStoresTokenIsGoodForTheBroker) {
  ServiceTokens tokens(open_signing_key(layout_, rules_), rules_, layout_);
  tokens.refresh(kNow);
  const TokenVerifier verifier(JwkSet::parse(read_text(layout_.jwks())).value(),
                               TokenRules{.issuer = "duet", .audience = "duet"});
  const auto claims = verifier.verify(read_text(layout_.token("store")), kNow);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->role, Role::store);
  EXPECT_EQ(claims->expires_at, kNow + std::chrono::hours(1));
}

}  // namespace
}  // namespace duet
