#include "supervisor/generated_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "tests/support/places.h"
#include "tests/unit/supervisor/text_file.h"

namespace duet {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

const std::filesystem::path kShippedTemplate = source_dir() / "mosquitto.conf";

std::string broker(const PlatformConfig& config = {}, const std::string& root = "/srv/with space") {
  return broker_config(read_text(kShippedTemplate), Layout(root), Ports{1, 2, 3}, config,
                       {.plugin = "/opt/duet_plugin.so", .user = "nobody"});
}

std::multimap<std::string, std::string> settings(const std::string& conf) {
  std::multimap<std::string, std::string> settings;
  std::istringstream lines(conf);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto space = line.find(' ');
    settings.emplace(line.substr(0, space), line.substr(space + 1));
  }
  return settings;
}

TEST(BrokerConfig, TheShippedTemplateIsFilled) {
  const auto conf = settings(broker());
  EXPECT_THAT(conf, Contains(Pair("listener", "1 127.0.0.1")));
  EXPECT_THAT(conf, Contains(Pair("user", "nobody")));
  EXPECT_THAT(conf, Contains(Pair("plugin", "/opt/duet_plugin.so")));
  EXPECT_THAT(conf, Contains(Pair("plugin_opt_jwks_file", "/srv/with space/secrets/jwks.json")));
  EXPECT_THAT(conf, Contains(Pair("plugin_opt_journal_dir", "/srv/with space/journal")));
  EXPECT_THAT(conf, Contains(Pair("plugin_opt_segment_bytes", "16777216")));
  EXPECT_THAT(conf, Contains(Pair("plugin_opt_messages_per_second", "20")));
}

TEST(BrokerConfig, KeepsWhatTheDesignRestsOn) {
  const auto conf = settings(broker());
  for (const auto& [key, value] : std::map<std::string, std::string>{{"per_listener_settings", "false"},
                                                                     {"persistence", "false"},
                                                                     {"allow_anonymous", "false"},
                                                                     {"allow_zero_length_clientid", "false"},
                                                                     {"max_queued_messages", "20000"},
                                                                     {"persistent_client_expiration", "7d"},
                                                                     {"set_tcp_nodelay", "true"}}) {
    EXPECT_THAT(conf, Contains(Pair(key, value)));
  }
}

TEST(BrokerConfig, NamesTheIssuersIfThereAreOthers) {
  EXPECT_THAT(settings(broker()),
              Contains(Pair("plugin_opt_issuers_file", "/srv/with space/run/issuers.json")));
  PlatformConfig config;
  config.tokens.issuers_file = "/etc/issuers.json";
  EXPECT_THAT(settings(broker(config)), Contains(Pair("plugin_opt_issuers_file", "/etc/issuers.json")));
}

// Its keys sign for users, and for no service.
TEST(BrokerConfig, TheAuthServiceIsAnIssuer) {
  PlatformConfig config;
  const auto issuers = [&config] { return platform_issuers(Layout("/srv/duet"), Ports{1, 2, 3}, config); };
  EXPECT_EQ(issuers(),
            R"({"issuers":[{"audience":"duet","device_claim":"device","issuer":"http://127.0.0.1:3",)"
            R"("jwks_file":"/srv/duet/secrets/auth.jwks.json","required_scope":"chat"}]})");
  config.auth.enabled = false;
  EXPECT_EQ(issuers(), R"({"issuers":[]})");
  config.auth.enabled = true;
  config.auth.public_url = "https://chat.example.com";
  EXPECT_THAT(issuers(), HasSubstr(R"("issuer":"https://chat.example.com")"));
  EXPECT_THAT(auth_config(Layout("/srv/duet"), Ports{1, 2, 3}, config),
              HasSubstr("issuer = 'https://chat.example.com'"));
}

TEST(BrokerConfig, ABurstOfZeroMeansNoLimit) {
  PlatformConfig config;
  config.limits.burst = 0;
  EXPECT_THAT(settings(broker(config)), Contains(Pair("plugin_opt_messages_per_second", "0")));
}

TEST(BrokerConfig, LogsByLevel) {
  PlatformConfig config;
  EXPECT_THAT(settings(broker(config)), Contains(Pair("log_type", "notice")));
  EXPECT_THAT(settings(broker(config)), Not(Contains(Pair("log_type", "debug"))));
  config.log_level = "warn";
  EXPECT_THAT(settings(broker(config)), Contains(Pair("log_type", "warning")));
  EXPECT_THAT(settings(broker(config)), Not(Contains(Pair("log_type", "notice"))));
  config.log_level = "debug";
  EXPECT_THAT(settings(broker(config)), Contains(Pair("log_type", "debug")));
}

TEST(BrokerConfig, RefusesADirectoryThatWouldAddALine) {
  EXPECT_THROW(broker_config(read_text(kShippedTemplate), Layout("/tmp/x\nallow_anonymous true"), Ports{}, {},
                             {.plugin = "p", .user = "u"}),
               std::runtime_error);
}

TEST(BrokerConfig, ListensOnASocketWhereItCanBeNamed) {
  const auto listeners = [](const std::string& root) {
    std::multimap<std::string, std::string> all = settings(broker({}, root));
    return all.count("listener");
  };
  EXPECT_THAT(settings(broker({}, "/srv/duet")), Contains(Pair("listener", "0 /srv/duet/run/broker.sock")));
  const std::size_t rest = std::string("/run/broker.sock").size();
  EXPECT_EQ(listeners("/" + std::string(107 - rest - 1, 'x')), 2U);
  EXPECT_EQ(listeners("/" + std::string(107 - rest, 'x')), 1U) << "longer than a unix socket's name can be";
  EXPECT_EQ(listeners("/srv/with space"), 1U) << "Mosquitto would cut it at the space";
}

TEST(GatewayConfig, ComesByTheSocketOrByTcp) {
  EXPECT_THAT(gateway_config(Layout("/srv/duet"), Ports{1, 2, 3}, {}),
              HasSubstr("/srv/duet/run/broker.sock"));
  const std::string by_tcp = gateway_config(Layout("/srv/with space"), Ports{1, 2, 3}, {});
  EXPECT_THAT(by_tcp, HasSubstr("127.0.0.1:1'"));
  EXPECT_THAT(by_tcp, Not(HasSubstr("broker.sock")));
}

TEST(StoreConfig, QuotesPaths) {
  const std::string toml = store_config(Layout("/srv/a \"b\""), Ports{1, 2, 3}, {});
  EXPECT_THAT(toml, HasSubstr("mqtt://127.0.0.1:1"));
  EXPECT_THAT(toml, HasSubstr(R"('/srv/a "b"/store/duet.db')"));
  EXPECT_THAT(toml, HasSubstr("debounce_ms = 2000"));
}

TEST(StoreConfig, SaysHowLargeTheCachesAre) {
  PlatformConfig config;
  EXPECT_THAT(store_config(Layout("/srv/duet"), Ports{1, 2, 3}, config), HasSubstr("cache_mib = 160"));
  config.store.cache_mib = 8;
  EXPECT_THAT(store_config(Layout("/srv/duet"), Ports{1, 2, 3}, config), HasSubstr("cache_mib = 8\n"));
}

TEST(StoreConfig, RefusesUnknownRecipientsWhereNamesComeFromTheAccountsAlone) {
  const auto says = [](const PlatformConfig& config, const std::string& value) {
    return store_config(Layout("/srv/duet"), Ports{1, 2, 3}, config)
               .find("unknown_recipients = '" + value + "'") != std::string::npos;
  };
  PlatformConfig config;
  EXPECT_TRUE(says(config, "refuse"));
  config.tokens.issuers_file = "/etc/duet/issuers.json";
  EXPECT_TRUE(says(config, "keep"));
  config.limits.unknown_recipients = "refuse";
  EXPECT_TRUE(says(config, "refuse"));
  config = {};
  config.auth.enabled = false;
  EXPECT_TRUE(says(config, "keep"));
  config = {};
  config.limits.unknown_recipients = "keep";
  EXPECT_TRUE(says(config, "keep"));
}

TEST(StoreConfig, AndTheBrokersSayTheSameOfConsent) {
  PlatformConfig config;
  for (const bool required : {false, true}) {
    config.limits.require_consent = required;
    const std::string value = required ? "true" : "false";
    const Layout layout("/srv/duet");
    EXPECT_THAT(store_config(layout, Ports{1, 2, 3}, config), HasSubstr("require_consent = " + value));
    EXPECT_THAT(settings(broker(config)), Contains(Pair("plugin_opt_require_consent", value)));
  }
}

}  // namespace
}  // namespace duet
