#include "supervisor/platform_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/support/places.h"
#include "tests/unit/supervisor/text_file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::HasSubstr;

class PlatformConfigFile : public testing::Test {
 protected:
  PlatformConfig load(const std::string& text) {
    write_text(file_, text);
    return load_platform_config(file_);
  }

  // The message of the refusal; empty when there is none.
  std::string refusal(const std::string& text) {
    try {
      load(text);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return {};
  }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "duet.toml";
};

TEST_F(PlatformConfigFile, EmptyMeansTheDefaults) {
  const PlatformConfig config = load("");
  EXPECT_EQ(config.limits.messages_per_second, 20);
  EXPECT_EQ(config.tokens.service_ttl, std::chrono::hours(1));
}

TEST_F(PlatformConfigFile, ReadsEveryKey) {
  const PlatformConfig config = load(R"(
[limits]
messages_per_second = 1
burst = 2
requests_per_minute = 3
receipts_per_second = 4
devices_per_user = 5
new_conversations_per_hour = 6
require_consent = true
consent_messages = 7
unknown_recipients = "keep"
connects_per_minute = 8
body_bytes = 600
message_payload_bytes = 700
other_payload_bytes = 800
[journal]
sync = "always"
sync_interval_ms = 9
segment_bytes = 8192
[store]
cache_mib = 9
[presence]
debounce_ms = 10
[tokens]
issuer = "i"
audience = "a"
clock_skew_s = 11
service_ttl_s = 12
[auth]
enabled = false
public_url = "https://chat.example.com"
apps = ["app"]
[[auth.bots]]
id = "weather"
user = "weather-bot"
secret_file = "/etc/duet/weather.secret"
[web]
origins = ["https://chat.example.com"]
root = "/srv/web"
connections = 13
connections_per_address = 14
trusted_proxies = ["127.0.0.1"]
[tls]
certificate = "/etc/duet/chat.pem"
addresses = ["192.0.2.1", "::1"]
accept_proxy = ["10.0.0.0/8"]
names = ["chat.example.com", "192.0.2.1"]
connections = 15
connections_per_address = 16
connects_per_address = 17
requests_per_address = 18
logins_per_address = 19
request_s = 20
services_port = 8884
[log]
level = "debug"
)");
  EXPECT_EQ(config.limits.messages_per_second, 1);
  EXPECT_EQ(config.limits.burst, 2);
  EXPECT_EQ(config.limits.requests_per_minute, 3);
  EXPECT_EQ(config.limits.receipts_per_second, 4);
  EXPECT_EQ(config.limits.devices_per_user, 5);
  EXPECT_EQ(config.limits.new_conversations_per_hour, 6);
  EXPECT_TRUE(config.limits.require_consent);
  EXPECT_EQ(config.limits.consent_messages, 7);
  EXPECT_EQ(config.limits.unknown_recipients, "keep");
  EXPECT_EQ(config.limits.connects_per_minute, 8);
  EXPECT_EQ(config.limits.body_bytes, 600);
  EXPECT_EQ(config.limits.message_payload_bytes, 700);
  EXPECT_EQ(config.limits.other_payload_bytes, 800);
  EXPECT_EQ(config.journal.sync, "always");
  EXPECT_EQ(config.journal.sync_interval, std::chrono::milliseconds(9));
  EXPECT_EQ(config.journal.segment_bytes, 8192);
  EXPECT_EQ(config.store.cache_mib, 9);
  EXPECT_EQ(config.presence_debounce, std::chrono::milliseconds(10));
  EXPECT_EQ(config.tokens.issuer, "i");
  EXPECT_EQ(config.tokens.audience, "a");
  EXPECT_EQ(config.tokens.clock_skew, std::chrono::seconds(11));
  EXPECT_EQ(config.tokens.service_ttl, std::chrono::seconds(12));
  EXPECT_FALSE(config.auth.enabled);
  EXPECT_EQ(config.auth.public_url, "https://chat.example.com");
  EXPECT_EQ(config.auth.apps, std::vector<std::string>{"app"});
  ASSERT_EQ(config.auth.bots.size(), 1U);
  EXPECT_EQ(config.auth.bots[0].id, "weather");
  EXPECT_EQ(config.auth.bots[0].user, "weather-bot");
  EXPECT_EQ(config.auth.bots[0].secret_file, "/etc/duet/weather.secret");
  EXPECT_EQ(config.web.origins, std::vector<std::string>{"https://chat.example.com"});
  EXPECT_EQ(config.web.root, "/srv/web");
  EXPECT_EQ(config.web.connections, 13);
  EXPECT_EQ(config.web.connections_per_address, 14);
  EXPECT_EQ(config.web.trusted_proxies, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(config.tls.certificate, "/etc/duet/chat.pem");
  EXPECT_EQ(config.tls.addresses, (std::vector<std::string>{"192.0.2.1", "::1"}));
  EXPECT_EQ(config.tls.accept_proxy, std::vector<std::string>{"10.0.0.0/8"});
  EXPECT_EQ(config.tls.names, (std::vector<std::string>{"chat.example.com", "192.0.2.1"}));
  EXPECT_EQ(config.tls.connections, 15);
  EXPECT_EQ(config.tls.connections_per_address, 16);
  EXPECT_EQ(config.tls.connects_per_address, 17);
  EXPECT_EQ(config.tls.requests_per_address, 18);
  EXPECT_EQ(config.tls.logins_per_address, 19);
  EXPECT_EQ(config.tls.request, std::chrono::seconds(20));
  EXPECT_EQ(config.tls.services_port, 8884);
  EXPECT_EQ(config.log_level, "debug");
}

TEST_F(PlatformConfigFile, TheShippedSampleHoldsTheDefaults) {
  const PlatformConfig sample = load_platform_config(source_dir() / "deploy" / "duet.toml");
  const PlatformConfig defaults;
  EXPECT_EQ(sample.limits.messages_per_second, defaults.limits.messages_per_second);
  EXPECT_EQ(sample.limits.burst, defaults.limits.burst);
  EXPECT_EQ(sample.limits.requests_per_minute, defaults.limits.requests_per_minute);
  EXPECT_EQ(sample.limits.receipts_per_second, defaults.limits.receipts_per_second);
  EXPECT_EQ(sample.limits.devices_per_user, defaults.limits.devices_per_user);
  EXPECT_EQ(sample.limits.new_conversations_per_hour, defaults.limits.new_conversations_per_hour);
  EXPECT_EQ(sample.limits.require_consent, defaults.limits.require_consent);
  EXPECT_EQ(sample.limits.consent_messages, defaults.limits.consent_messages);
  EXPECT_EQ(sample.limits.unknown_recipients, defaults.limits.unknown_recipients);
  EXPECT_EQ(sample.limits.connects_per_minute, defaults.limits.connects_per_minute);
  EXPECT_EQ(sample.limits.body_bytes, defaults.limits.body_bytes);
  EXPECT_EQ(sample.limits.message_payload_bytes, defaults.limits.message_payload_bytes);
  EXPECT_EQ(sample.limits.other_payload_bytes, defaults.limits.other_payload_bytes);
  EXPECT_EQ(sample.journal.sync, defaults.journal.sync);
  EXPECT_EQ(sample.journal.sync_interval, defaults.journal.sync_interval);
  EXPECT_EQ(sample.journal.segment_bytes, defaults.journal.segment_bytes);
  EXPECT_EQ(sample.store.cache_mib, defaults.store.cache_mib);
  EXPECT_EQ(sample.presence_debounce, defaults.presence_debounce);
  EXPECT_EQ(sample.tokens.issuer, defaults.tokens.issuer);
  EXPECT_EQ(sample.tokens.audience, defaults.tokens.audience);
  EXPECT_EQ(sample.tokens.clock_skew, defaults.tokens.clock_skew);
  EXPECT_EQ(sample.tokens.service_ttl, defaults.tokens.service_ttl);
  EXPECT_EQ(sample.auth.enabled, defaults.auth.enabled);
  EXPECT_EQ(sample.auth.public_url, defaults.auth.public_url);
  EXPECT_EQ(sample.auth.apps, defaults.auth.apps);
  EXPECT_TRUE(sample.auth.bots.empty());
  EXPECT_EQ(sample.web.origins, defaults.web.origins);
  EXPECT_EQ(sample.web.root, defaults.web.root);
  EXPECT_EQ(sample.web.connections, defaults.web.connections);
  EXPECT_EQ(sample.web.connections_per_address, defaults.web.connections_per_address);
  EXPECT_EQ(sample.web.trusted_proxies, defaults.web.trusted_proxies);
  EXPECT_EQ(sample.tls.certificate, defaults.tls.certificate);
  EXPECT_EQ(sample.tls.addresses, defaults.tls.addresses);
  EXPECT_EQ(sample.tls.accept_proxy, defaults.tls.accept_proxy);
  EXPECT_EQ(sample.tls.names, defaults.tls.names);
  EXPECT_EQ(sample.tls.connections, defaults.tls.connections);
  EXPECT_EQ(sample.tls.connections_per_address, defaults.tls.connections_per_address);
  EXPECT_EQ(sample.tls.connects_per_address, defaults.tls.connects_per_address);
  EXPECT_EQ(sample.tls.requests_per_address, defaults.tls.requests_per_address);
  EXPECT_EQ(sample.tls.logins_per_address, defaults.tls.logins_per_address);
  EXPECT_EQ(sample.tls.request, defaults.tls.request);
  EXPECT_EQ(sample.tls.services_port, defaults.tls.services_port);
  EXPECT_EQ(sample.log_level, defaults.log_level);
}

TEST_F(PlatformConfigFile, RefusesNamingFileLineAndKey) {
  const struct {
    const char* text;
    const char* why;
  } rows[] = {
      {"[limits]\nburst = 1\nbusrt = 2", ":3: limits.busrt is not a known key"},
      {"[limit]\nburst = 1", ":1: limit is not a known key"},
      {"burst = 1", ":1: burst is not a known key"},
      {"limits = 1", ":1: limits must be a section"},
      {"[journal]\nsnyc = \"none\"", ":2: journal.snyc is not a known key"},
      {"[store]\nx = 1", ":2: store.x is not a known key"},
      {"[presence]\nx = 1", ":2: presence.x is not a known key"},
      {"[tokens]\nx = 1", ":2: tokens.x is not a known key"},
      {"[web]\nx = 1", ":2: web.x is not a known key"},
      {"[web]\norigins = \"https://a\"", ":2: web.origins must be a list of strings"},
      {"[web]\norigins = [1]", ":2: web.origins must be a list of strings"},
      {"[web]\nroot = \"web\"", ":2: web.root must be an absolute path"},
      {"[web]\nconnections = 0", ":2: web.connections must be a whole number from 1 to 1000000"},
      {"[tls]\nx = 1", ":2: tls.x is not a known key"},
      {"[tls]\ncertificate = \"c.pem\"", ":2: tls.certificate must be an absolute path"},
      {"[tls]\naddresses = []", ":2: tls.addresses must hold one address or more"},
      {"[tls]\naccept_proxy = [\"10.0.0.0/33\"]", ":2: tls.accept_proxy must hold addresses and networks"},
      {"[tls]\naccept_proxy = [\"::1\\n bind :1\"]", ":2: tls.accept_proxy must hold"},
      {"[tls]\naddresses = [\"localhost\"]", ":2: tls.addresses must hold"},
      {"[tls]\nnames = [\"a,IP:1.2.3.4\"]", ":2: tls.names must hold host names and addresses"},
      {"[tls]\nrequest_s = 0", ":2: tls.request_s must be a whole number from 1 to 300"},
      {"[log]\nx = 1", ":2: log.x is not a known key"},
      {"[limits]\nburst = \"60\"", ":2: limits.burst must be a whole number"},
      {"[limits]\nburst = 1.5", ":2: limits.burst must be a whole number"},
      {"[limits]\nburst = true", ":2: limits.burst must be a whole number"},
      {"[limits]\nmessages_per_second = -1",
       ":2: limits.messages_per_second must be a whole number from 0 to 1000000"},
      {"[limits]\ndevices_per_user = 0", ":2: limits.devices_per_user must be a whole number from 1 to 1000"},
      {"[limits]\nconsent_messages = 0", ":2: limits.consent_messages must be a whole number from 1 to 1000"},
      {"[limits]\nrequire_consent = 1", ":2: limits.require_consent must be"},
      {"[limits]\nunknown_recipients = \"drop\"",
       ":2: limits.unknown_recipients must be one of refuse, keep"},
      {"[limits]\nmessage_payload_bytes = 204801",
       "limits.message_payload_bytes must be a whole number from 256 to 204800"},
      {"[limits]\nmessage_payload_bytes = 32767",
       "limits.body_bytes must not exceed limits.message_payload_bytes"},
      {"[journal]\nsync = \"often\"", ":2: journal.sync must be one of none, interval, always"},
      {"[journal]\nsegment_bytes = 4095",
       ":2: journal.segment_bytes must be a whole number from 4096 to 1073741824"},
      {"[journal]\nsegment_bytes = 1073741825",
       ":2: journal.segment_bytes must be a whole number from 4096 to 1073741824"},
      {"[store]\ncache_mib = 7", ":2: store.cache_mib must be a whole number from 8 to 65536"},
      {"[store]\ncache_mib = 65537", ":2: store.cache_mib must be a whole number from 8 to 65536"},
      {"[journal]\nsync = 1", ":2: journal.sync must be a string"},
      {"[presence]\ndebounce_ms = 8001", ":2: presence.debounce_ms must be a whole number from 0 to 8000"},
      {"[tokens]\nissuer = \"\"", ":2: tokens.issuer must be a string that is not empty"},
      {"[tokens]\nissuer = \"a\\nb\"", ":2: tokens.issuer must be 1 to 256 printable ASCII"},
      {"[tokens]\nissuers_file = \"issuers.json\"", ":2: tokens.issuers_file must be an absolute path"},
      {"[tokens]\nservice_ttl_s = 2", ":2: tokens.service_ttl_s must be a whole number from 3 to"},
      {"[tokens]\nclock_skew_s = 0", ":2: tokens.clock_skew_s must be a whole number from 1 to 300"},
      {"[auth]\napps = []", ":2: auth.apps is empty"},
      {"[[auth.bots]]\nid = \"b\"\nuser = \"u\"", "auth.bots[0].secret_file is missing"},
      {"[[auth.bots]]\nid = 1", ":2: auth.bots[0].id must be a string"},
      {"[auth]\nx = 1", ":2: auth.x is not a known key"},
      {"[log]\nlevel = \"loud\"", ":2: log.level must be one of debug, info, warn, error"},
      {"[limits]\nburst = ", ":2: "},
      {"[limits]\nburst = 1\nburst = 2", ":3: "},
      {"\xFF\xFE", ":1: "},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(refusal(row.text), HasSubstr(file_.string())) << row.text;
    EXPECT_THAT(refusal(row.text), HasSubstr(row.why)) << row.text;
  }
}

TEST_F(PlatformConfigFile, AcceptsTheEdgesOfTheRanges) {
  for (const char* text :
       {"[limits]\nmessages_per_second = 0\nburst = 0\nrequests_per_minute = 0\nreceipts_per_second = 0",
        "[limits]\nnew_conversations_per_hour = 0\nconsent_messages = 1\nconnects_per_minute = 0",
        "[limits]\nmessage_payload_bytes = 204800\nbody_bytes = 98304", "[presence]\ndebounce_ms = 8000",
        "[journal]\nsegment_bytes = 4096", "[journal]\nsegment_bytes = 1073741824", "[store]\ncache_mib = 8",
        "[store]\ncache_mib = 65536", "[tokens]\nservice_ttl_s = 3"}) {
    EXPECT_EQ(refusal(text), "") << text;
  }
}

TEST_F(PlatformConfigFile, NamesAFileThatCannotBeRead) {
  file_ = directory_.path() / "missing.toml";
  try {
    load_platform_config(file_);
    FAIL() << "it was read";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(file_.string()));
  }
}

}  // namespace
}  // namespace duet
