#include "push_bridge/push_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "acl/signing_key.h"
#include "file_io/file.h"
#include "file_io/secret_file.h"
#include "tests/support/places.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::HasSubstr;

constexpr Timestamp kToday{std::chrono::sys_days{std::chrono::year(2100) / 1 / 1}};

class NoTokens final : public TokenMemory {
  std::optional<std::string> load(const std::string& /*name*/) override { return std::nullopt; }
  void save(const std::string& /*name*/, const std::string& /*value*/) override {}
};

class PushConfigTest : public testing::Test {
 protected:
  PushConfigTest() {
    write_file_atomically(path("p256.pem"), SigningKey::generate(SignatureAlgorithm::es256).to_pem(),
                          kSecretMode);
    write_file_atomically(path("rsa.pem"), SigningKey::generate(SignatureAlgorithm::rs256).to_pem(),
                          kSecretMode);
  }

  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  std::string start() const { return "[broker]\ntoken_file = \"t\"\n[database]\npath = \"push.db\"\n"; }
  std::string apns(const std::string& app, const std::string& key) const {
    return "[[apns]]\napp = \"" + app + "\"\ntopic = \"org.example.chat\"\nteam_id = \"ABCDEFGHIJ\"\n" +
           "key_id = \"KEY4567890\"\nkey_file = \"" + path(key) + "\"\n";
  }
  PushConfig load(const std::string& text, Timestamp now = kToday) const {
    write_file_atomically(path("push.toml"), text, 0644);
    return load_push_config(path("push.toml"), now);
  }
  std::string refusal(const std::string& text, Timestamp now = kToday) const {
    try {
      load(text, now);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  TemporaryDirectory directory_;
};

TEST_F(PushConfigTest, HasDefaults) {
  const auto config = load(start() + apns("chat", "p256.pem"));
  EXPECT_EQ(config.broker.client_id, "duet-push");
  EXPECT_EQ(config.decision.grace, std::chrono::seconds(10));
  EXPECT_EQ(config.decision.repeat_after.size(), 3U);
  EXPECT_EQ(config.decision.expire_after, std::chrono::hours(24));
  ASSERT_TRUE(config.apns.contains("chat"));
  EXPECT_EQ(config.apns.at("chat").url_production, "https://api.push.apple.com");
  EXPECT_EQ(make_senders(config, std::make_shared<NoTokens>()).size(), 1U);
}

TEST_F(PushConfigTest, ReadsEverySetting) {
  const auto config =
      load("ready_file = \"r\"\n" + start() +
           "[decision]\ngrace_s = 3\nrepeat_after_s = [1, 2]\nexpire_after_h = 2\n[log]\nlevel = \"debug\"\n"
           "[tls]\nca_file = \"ca\"\n" +
           apns("chat", "p256.pem") + apns("other", "p256.pem") + "retry_after_s = [4]\n" +
           "[[webpush]]\napp = \"chat\"\nsubject = \"mailto:a@example.org\"\nkey_file = \"" +
           path("p256.pem") + "\"\nallowed_hosts = [\"push.example.org\"]\n");
  EXPECT_EQ(config.ready_file, "r");
  EXPECT_EQ(config.decision.grace, std::chrono::seconds(3));
  EXPECT_THAT(config.decision.repeat_after,
              testing::ElementsAre(std::chrono::seconds(1), std::chrono::seconds(2)));
  EXPECT_EQ(config.decision.expire_after, std::chrono::hours(2));
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.ca_file, "ca");
  EXPECT_EQ(config.apns.size(), 2U);
  EXPECT_THAT(config.apns.at("other").server_error_delays, testing::ElementsAre(std::chrono::seconds(4)));
  EXPECT_THAT(config.webpush.at("chat").allowed_hosts, testing::ElementsAre("push.example.org"));
}

// The file that we ship, with keys where it says that keys are.
TEST_F(PushConfigTest, TheSampleIsLoadedAndHasTheDefaults) {
  const std::string place = "/etc/duet/push/";
  auto text = read_file(source_dir() / "deploy" / "push.toml");
  for (auto at = text.find(place); at != std::string::npos; at = text.find(place)) {
    text.replace(at, place.size(), path(""));
  }
  for (const auto* key : {"apns.p8", "vapid.pem"}) {
    write_file_atomically(path(key), SigningKey::generate(SignatureAlgorithm::es256).to_pem(), kSecretMode);
  }
  const nlohmann::json account = {{"type", "service_account"},
                                  {"project_id", "chat"},
                                  {"private_key_id", "1"},
                                  {"private_key", SigningKey::generate(SignatureAlgorithm::rs256).to_pem()},
                                  {"client_email", "chat@example.com"},
                                  {"token_uri", "https://oauth2.googleapis.com/token"}};
  write_file_atomically(path("fcm.json"), account.dump(), kSecretMode);
  const auto config = load(text);
  EXPECT_EQ(make_senders(config, std::make_shared<NoTokens>()).size(), 3U);
  const DecisionRules defaults;
  EXPECT_EQ(config.decision.grace, defaults.grace);
  EXPECT_EQ(config.decision.repeat_after, defaults.repeat_after);
  EXPECT_EQ(config.decision.expire_after, defaults.expire_after);
  EXPECT_EQ(config.broker.uri, BrokerSettings{}.uri);
  EXPECT_EQ(config.ready_file, "");
  using namespace std::chrono_literals;
  EXPECT_THAT(config.apns.at("chat").server_error_delays, testing::ElementsAre(30s, 2min, 15min));
}

TEST_F(PushConfigTest, NamesWhatIsWrong) {
  const auto good = start() + apns("chat", "p256.pem");
  EXPECT_THAT(refusal(start()), HasSubstr("nobody to push to"));
  EXPECT_THAT(refusal(good + apns("chat", "p256.pem")), HasSubstr("apns[1].app is there twice"));
  EXPECT_THAT(refusal(good + "colour = 1\n"), HasSubstr("colour is not a known key"));
  EXPECT_THAT(refusal(start() + apns("a/b", "p256.pem")), HasSubstr("apns[0].app"));
  EXPECT_THAT(refusal(start() + apns("chat", "rsa.pem")),
              HasSubstr("key_file holds no private key of the curve P-256"));
  EXPECT_THAT(refusal(start() + apns("chat", "missing.pem")), HasSubstr("key_file cannot be used"));
  EXPECT_THAT(refusal(good + "retry_after_s = [0]\n"), HasSubstr("apns[0].retry_after_s"));
  EXPECT_THAT(refusal(good + "retry_after_s = []\n"), HasSubstr("apns[0].retry_after_s is empty"));
  EXPECT_THAT(refusal(good + "[decision]\nrepeat_after_s = [\"soon\"]\n"),
              HasSubstr("decision.repeat_after_s"));
  EXPECT_THAT(refusal("[broker]\ntoken_file = \"t\"\nclient_id = \"duet-store\"\n[database]\npath = \"p\"\n" +
                      apns("chat", "p256.pem")),
              HasSubstr("broker.client_id"));
}

TEST_F(PushConfigTest, AKeyThatOthersCanReadIsRefused) {
  std::filesystem::permissions(path("p256.pem"), std::filesystem::perms(0644));
  EXPECT_THAT(refusal(start() + apns("chat", "p256.pem")), HasSubstr("key_file cannot be used"));
}

TEST_F(PushConfigTest, AClockOfThePastIsRefused) {
  EXPECT_THAT(refusal(start() + apns("chat", "p256.pem"), Timestamp{}),
              HasSubstr("clock says the year 1970"));
}

}  // namespace
}  // namespace duet
