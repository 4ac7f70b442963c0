#include "broker_plugin/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace duet {
namespace {

using testing::HasSubstr;

const std::vector<OptionText> kRequired{{"jwks_file", "/keys"}, {"journal_dir", "/journal"}};

std::vector<OptionText> required_and(std::string_view name, std::string_view value) {
  auto texts = kRequired;
  texts.push_back({name, value});
  return texts;
}

TEST(ParseOptions, DefaultsAreTheContracts) {
  const auto options = parse_options(kRequired);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->jwks_file, "/keys");
  EXPECT_EQ(options->tokens.issuer, "duet");
  EXPECT_EQ(options->tokens.clock_skew, std::chrono::seconds(30));
  EXPECT_EQ(options->journal_sync, JournalSync::none);
  EXPECT_EQ(options->rates.messages.per_second, 20);
  EXPECT_EQ(options->rates.messages.burst, 60);
  EXPECT_EQ(options->rates.requests.burst, 200);
  EXPECT_EQ(options->rates.connects.burst, 60);
  EXPECT_EQ(options->rates.connects.per_second, 1);
  EXPECT_EQ(options->devices_per_user, 16U);
  EXPECT_FALSE(options->require_consent);
  EXPECT_EQ(options->payload.body_bytes, 32U * 1024);
}

TEST(ParseOptions, ReadsEveryOption) {
  const auto options = parse_options(std::vector<OptionText>{{"jwks_file", "/k"},
                                                             {"issuers_file", "/is"},
                                                             {"issuers_file", "/and/more"},
                                                             {"issuer_keys_dir", "/fetched"},
                                                             {"issuer", "i"},
                                                             {"audience", "a"},
                                                             {"clock_skew_s", "0"},
                                                             {"journal_dir", "/j"},
                                                             {"journal_sync", "interval"},
                                                             {"journal_sync_interval_ms", "250"},
                                                             {"segment_bytes", "65536"},
                                                             {"partitions", "4"},
                                                             {"window_frames", "2"},
                                                             {"messages_per_second", "0"},
                                                             {"burst", "5"},
                                                             {"requests_per_minute", "120"},
                                                             {"receipts_per_second", "7"},
                                                             {"connects_per_minute", "30"},
                                                             {"devices_per_user", "3"},
                                                             {"require_consent", "true"},
                                                             {"body_bytes", "10"},
                                                             {"message_payload_bytes", "20"},
                                                             {"other_payload_bytes", "30"}});
  ASSERT_TRUE(options) << options.error();
  EXPECT_THAT(options->issuers_files, testing::ElementsAre("/is", "/and/more"));
  EXPECT_EQ(options->issuer_keys_dir, "/fetched");
  EXPECT_EQ(options->tokens.audience, "a");
  EXPECT_EQ(options->tokens.clock_skew, std::chrono::seconds(0));
  EXPECT_EQ(options->journal_sync, JournalSync::interval);
  EXPECT_EQ(options->journal_sync_interval, std::chrono::milliseconds(250));
  EXPECT_EQ(options->segment_bytes, 65536U);
  EXPECT_EQ(options->partitions, 4U);
  EXPECT_EQ(options->window_frames, 2U);
  EXPECT_EQ(options->rates.messages.per_second, 0);
  EXPECT_EQ(options->rates.messages.burst, 5);
  EXPECT_EQ(options->rates.requests.per_second, 2);
  EXPECT_EQ(options->rates.device_events.burst, 14);
  EXPECT_EQ(options->rates.connects.per_second, 0.5);
  EXPECT_EQ(options->rates.connects.burst, 30);
  EXPECT_EQ(options->devices_per_user, 3U);
  EXPECT_TRUE(options->require_consent);
  EXPECT_EQ(options->payload.other_payload_bytes, 30U);
}

TEST(ParseOptions, NamesWhatIsWrong) {
  const std::vector<std::pair<OptionText, std::string>> rows{
      {{"colour", "red"}, "plugin_opt_colour is no option"},
      {{"journal_dir", "/twice"}, "plugin_opt_journal_dir is given twice"},
      {{"journal_sync", "sometimes"}, "plugin_opt_journal_sync cannot be 'sometimes'"},
      {{"partitions", "0"}, "plugin_opt_partitions cannot be '0'"},
      {{"partitions", "two"}, "plugin_opt_partitions cannot be 'two'"},
      {{"require_consent", "yes"}, "plugin_opt_require_consent cannot be 'yes'"},
      {{"require_consent", ""}, "plugin_opt_require_consent cannot be ''"},
      {{"burst", "-1"}, "plugin_opt_burst cannot be '-1'"},
      {{"connects_per_minute", "1000001"}, "plugin_opt_connects_per_minute cannot be '1000001'"},
      {{"burst", "5 "}, "plugin_opt_burst cannot be '5 '"},
      {{"message_payload_bytes", "999999999"}, "plugin_opt_message_payload_bytes"},
      {{"issuer", ""}, "plugin_opt_issuer"},
      {{"issuers_file", ""}, "plugin_opt_issuers_file"},
  };
  for (const auto& [text, expected] : rows) {
    const auto options = parse_options(required_and(text.name, text.value));
    ASSERT_FALSE(options) << text.name;
    EXPECT_THAT(options.error(), HasSubstr(expected));
  }
}

TEST(ParseOptions, RefusesWhenARequiredOneIsMissing) {
  for (const auto& text : kRequired) {
    const auto options = parse_options(std::vector<OptionText>{text});
    ASSERT_FALSE(options);
    EXPECT_THAT(options.error(), HasSubstr("is missing"));
  }
}

}  // namespace
}  // namespace duet
