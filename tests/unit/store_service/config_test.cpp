#include "store_service/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "tests/unit/store_service/fixtures.h"

namespace duet {
namespace {

using testing::HasSubstr;

class LoadConfig : public testing::Test {
 protected:
  Config load(const std::string& text) {
    std::ofstream(file_) << text;
    return load_config(file_);
  }

  // What is wrong with the file, in the words of the exception.
  std::string refusal(const std::string& text) {
    try {
      load(text);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "accepted";
  }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "store.toml";
};

constexpr auto kMinimum = R"(
  [broker]
  token_file = "/t"
  [database]
  path = "/d"
)";

TEST_F(LoadConfig, HasDefaultsForAllThatIsNotRequired) {
  const auto config = load(kMinimum);

  EXPECT_EQ(config.broker.uri, "mqtt://127.0.0.1:1883");
  EXPECT_EQ(config.broker.client_id, "duet-store");
  EXPECT_EQ(config.broker.token_file, "/t");
  EXPECT_EQ(config.database.path, "/d");
  EXPECT_EQ(config.database.cache_mib, 160U);
  EXPECT_EQ(config.presence.debounce.count(), 2000);
  EXPECT_EQ(config.devices_per_user, 16U);
  EXPECT_EQ(config.strangers.new_conversations.burst, 60);
  EXPECT_EQ(config.strangers.new_conversations.per_second * 3600, 60);
  EXPECT_FALSE(config.strangers.require_consent);
  EXPECT_EQ(config.strangers.consent_messages, 3U);
  EXPECT_EQ(config.strangers.unknown, UnknownRecipients::keep);
  EXPECT_EQ(config.limits.body_bytes, 32U * 1024);
  EXPECT_EQ(config.log_level, "info");
  EXPECT_TRUE(config.ready_file.empty());
}

TEST_F(LoadConfig, ReadsEveryKey) {
  const auto config = load(R"(
    ready_file = "/r"
    [broker]
    uri = "mqtt://127.0.0.1:99"
    token_file = "/t"
    client_id = "duet-store.two"
    ca_file = "/ca"
    certificate_file = "/c"
    key_file = "/k"
    [database]
    path = "/d"
    cache_mib = 9
    [presence]
    debounce_ms = 5
    [limits]
    devices_per_user = 3
    new_conversations_per_hour = 0
    require_consent = true
    consent_messages = 1
    unknown_recipients = "refuse"
    body_bytes = 10
    message_payload_bytes = 20
    other_payload_bytes = 30
    [log]
    level = "debug"
  )");

  EXPECT_EQ(config.ready_file, "/r");
  EXPECT_EQ(config.broker.uri, "mqtt://127.0.0.1:99");
  EXPECT_EQ(config.broker.client_id, "duet-store.two");
  EXPECT_EQ(config.database.cache_mib, 9U);
  EXPECT_EQ(config.broker.tls.ca_file, "/ca");
  EXPECT_EQ(config.broker.tls.certificate_file, "/c");
  EXPECT_EQ(config.broker.tls.key_file, "/k");
  EXPECT_EQ(config.presence.debounce.count(), 5);
  EXPECT_EQ(config.devices_per_user, 3U);
  EXPECT_EQ(config.strangers.new_conversations.per_second, 0);
  EXPECT_TRUE(config.strangers.require_consent);
  EXPECT_EQ(config.strangers.consent_messages, 1U);
  EXPECT_EQ(config.strangers.unknown, UnknownRecipients::refuse);
  EXPECT_EQ(config.limits.body_bytes, 10U);
  EXPECT_EQ(config.limits.message_payload_bytes, 20U);
  EXPECT_EQ(config.limits.other_payload_bytes, 30U);
  EXPECT_EQ(config.log_level, "debug");
}

TEST_F(LoadConfig, NamesFileAndKeyOfWhatIsWrong) {
  const std::string minimum = kMinimum;
  const std::vector<std::pair<std::string, std::string>> table{
      {"[database]\npath = \"/d\"", "broker.token_file is missing"},
      {"[broker]\ntoken_file = \"/t\"", "database.path is missing"},
      {minimum + "size = 1", "database.size is not a known key"},
      {minimum + "cache_mib = 7", "database.cache_mib must be a whole number"},
      {minimum + "cache_mib = 65537", "database.cache_mib must be a whole number"},
      {minimum + "[broken]\nsize = 1", "broken is not a known key"},
      {"colour = 1\n" + minimum, "colour is not a known key"},
      {"ready_file = 1\n" + minimum, "ready_file must be a string"},
      {"presence = 1\n" + minimum, "presence must be a section"},
      {minimum + "[presence]\ndebounce_ms = -1", "presence.debounce_ms must be a whole number"},
      {minimum + "[presence]\ndebounce_ms = 8001", "presence.debounce_ms must be a whole number"},
      {minimum + "[presence]\ndebounce_ms = 1.5", "presence.debounce_ms must be a whole number"},
      {minimum + "[limits]\nbody_bytes = 0", "limits.body_bytes must be a whole number"},
      {minimum + "[limits]\ndevices_per_user = 0", "limits.devices_per_user must be a whole number"},
      {minimum + "[limits]\nconsent_messages = 0", "limits.consent_messages must be a whole number"},
      {minimum + "[limits]\nrequire_consent = 1", "limits.require_consent must be"},
      {minimum + "[limits]\nunknown_recipients = \"drop\"", "limits.unknown_recipients must be one of"},
      {"[broker]\ntoken_file = \"/t\"\nclient_id = \"alice:phone\"", "broker.client_id must be duet-store"},
      {"[broker]\ntoken_file = \"/t\"\ncertificate_file = \"/c\"",
       "broker.key_file and certificate_file belong"},
      {"[broker", "store.toml:1: "},
  };
  for (const auto& [text, reason] : table) {
    EXPECT_THAT(refusal(text), HasSubstr(reason)) << text;
    EXPECT_THAT(refusal(text), HasSubstr(file_.string())) << text;
  }
}

TEST_F(LoadConfig, NamesAFileThatIsNotThere) {
  try {
    load_config(directory_.path() / "nowhere.toml");
    FAIL() << "accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("nowhere.toml"));
  }
}

}  // namespace
}  // namespace duet
