#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "acl/crypto.h"
#include "auth_service/config.h"
#include "file_io/secret_file.h"
#include "tests/support/places.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto kMinimum = R"(
  [database]
  path = "/d"
  [keys]
  directory = "/k"
  [[clients]]
  id = "app"
)";

class LoadAuthConfig : public testing::Test {
 protected:
  AuthConfig load(const std::string& text) {
    std::ofstream(file_) << text;
    return load_auth_config(file_);
  }
  std::string refusal(const std::string& text) {
    try {
      load(text);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "accepted";
  }
  std::string secret_file(const std::string& content) {
    write_file_atomically(directory_.path() / "secret", content, kSecretMode);
    return (directory_.path() / "secret").string();
  }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "auth.toml";
};

TEST_F(LoadAuthConfig, HasDefaultsForAllThatIsNotRequired) {
  const auto config = load(kMinimum);
  EXPECT_EQ(config.http.address, "127.0.0.1");
  EXPECT_EQ(config.http.port, 8090);
  EXPECT_TRUE(config.http.trusted_proxies.empty());
  EXPECT_EQ(config.database, "/d");
  EXPECT_EQ(config.keys.directory, "/k");
  EXPECT_EQ(config.tokens.issuer, "duet");
  EXPECT_EQ(config.sessions.access_ttl, 900s);
  EXPECT_EQ(config.sessions.refresh_ttl, 30 * 24h);
  EXPECT_EQ(config.argon2.memory_kib, 19456U);
  EXPECT_EQ(config.argon2.iterations, 2U);
  EXPECT_DOUBLE_EQ(config.limits.account.per_second * 60, 10);
  EXPECT_DOUBLE_EQ(config.limits.address.per_second * 60, 60);
  ASSERT_NE(config.find_client("app"), nullptr);
  EXPECT_FALSE(config.find_client("app")->bot);
  EXPECT_EQ(config.find_client("App"), nullptr);
}

// deploy/auth.toml says of itself that its values are the defaults.
TEST_F(LoadAuthConfig, TheSampleHasTheDefaults) {
  const auto sample = load_auth_config(source_dir() / "deploy" / "auth.toml");
  const auto minimum = load(kMinimum);
  EXPECT_EQ(sample.http.address, minimum.http.address);
  EXPECT_EQ(sample.http.port, minimum.http.port);
  EXPECT_EQ(sample.http.threads, minimum.http.threads);
  EXPECT_EQ(sample.http.read_timeout, minimum.http.read_timeout);
  EXPECT_EQ(sample.http.write_timeout, minimum.http.write_timeout);
  EXPECT_EQ(sample.http.request_timeout, minimum.http.request_timeout);
  EXPECT_EQ(sample.keys.activate_after, minimum.keys.activate_after);
  EXPECT_EQ(sample.keys.reload_every, minimum.keys.reload_every);
  EXPECT_EQ(sample.tokens.issuer, minimum.tokens.issuer);
  EXPECT_EQ(sample.tokens.audience, minimum.tokens.audience);
  EXPECT_EQ(sample.tokens.public_url, minimum.tokens.public_url);
  EXPECT_EQ(sample.sessions.access_ttl, minimum.sessions.access_ttl);
  EXPECT_EQ(sample.sessions.clock_skew, minimum.sessions.clock_skew);
  EXPECT_EQ(sample.sessions.refresh_ttl, minimum.sessions.refresh_ttl);
  EXPECT_EQ(sample.sessions.family_ttl, minimum.sessions.family_ttl);
  EXPECT_EQ(sample.sessions.refresh_grace, minimum.sessions.refresh_grace);
  EXPECT_EQ(sample.sessions.sessions_per_account, minimum.sessions.sessions_per_account);
  EXPECT_EQ(sample.argon2.memory_kib, minimum.argon2.memory_kib);
  EXPECT_EQ(sample.argon2.iterations, minimum.argon2.iterations);
  EXPECT_EQ(sample.argon2.lanes, minimum.argon2.lanes);
  EXPECT_EQ(sample.hashes.at_once, minimum.hashes.at_once);
  EXPECT_EQ(sample.hashes.waiting, minimum.hashes.waiting);
  EXPECT_DOUBLE_EQ(sample.limits.account.per_second, minimum.limits.account.per_second);
  EXPECT_DOUBLE_EQ(sample.limits.account.burst, minimum.limits.account.burst);
  EXPECT_DOUBLE_EQ(sample.limits.account_failures.per_second, minimum.limits.account_failures.per_second);
  EXPECT_DOUBLE_EQ(sample.limits.account_failures.burst, minimum.limits.account_failures.burst);
  EXPECT_DOUBLE_EQ(sample.limits.address.per_second, minimum.limits.address.per_second);
  EXPECT_DOUBLE_EQ(sample.limits.address.burst, minimum.limits.address.burst);
  EXPECT_EQ(sample.log_level, minimum.log_level);
}

TEST_F(LoadAuthConfig, ReadsEveryKey) {
  const auto secret = secret_file("0123456789abcdef\n");
  const auto config = load(R"(
    [http]
    address = "::1"
    port = 81
    trusted_proxies = ["::1", "10.0.0.0/8"]
    threads = 3
    read_timeout_s = 7
    write_timeout_s = 8
    request_timeout_s = 9
    [database]
    path = "/d"
    [keys]
    directory = "/k"
    activate_after_s = 0
    reload_every_s = 9
    [tokens]
    issuer = "i"
    audience = "a"
    public_url = "https://x"
    access_ttl_s = 10
    clock_skew_s = 11
    refresh_ttl_s = 12
    family_ttl_s = 13
    refresh_grace_s = 14
    [passwords]
    memory_kib = 64
    iterations = 3
    lanes = 2
    at_once = 4
    waiting = 5
    [limits]
    account_attempts_per_minute = 6
    account_burst = 7
    account_failures_per_minute = 15
    account_failures_burst = 16
    address_attempts_per_minute = 12
    address_burst = 8
    sessions_per_account = 9
    [[clients]]
    id = "app"
    [[clients]]
    id = "robot"
    user = "helper"
    secret_file = ")" + secret +
                           R"("
    [log]
    level = "warn"
  )");
  EXPECT_EQ(config.http.address, "::1");
  EXPECT_EQ(config.http.port, 81);
  EXPECT_EQ(config.http.trusted_proxies.size(), 2U);
  EXPECT_TRUE(is_trusted(IpAddress::parse("10.1.2.3").value(), config.http.trusted_proxies));
  EXPECT_EQ(config.http.threads, 3U);
  EXPECT_EQ(config.http.read_timeout, 7s);
  EXPECT_EQ(config.http.write_timeout, 8s);
  EXPECT_EQ(config.http.request_timeout, 9s);
  EXPECT_EQ(config.keys.activate_after, 0s);
  EXPECT_EQ(config.keys.reload_every, 9s);
  EXPECT_EQ(config.tokens.issuer, "i");
  EXPECT_EQ(config.tokens.audience, "a");
  EXPECT_EQ(config.tokens.public_url, "https://x");
  EXPECT_EQ(config.sessions.access_ttl, 10s);
  EXPECT_EQ(config.sessions.clock_skew, 11s);
  EXPECT_EQ(config.sessions.refresh_ttl, 12s);
  EXPECT_EQ(config.sessions.family_ttl, 13s);
  EXPECT_EQ(config.sessions.refresh_grace, 14s);
  EXPECT_EQ(config.argon2.memory_kib, 64U);
  EXPECT_EQ(config.argon2.iterations, 3U);
  EXPECT_EQ(config.argon2.lanes, 2U);
  EXPECT_EQ(config.hashes.at_once, 4U);
  EXPECT_EQ(config.hashes.waiting, 5U);
  EXPECT_DOUBLE_EQ(config.limits.account.per_second, 0.1);
  EXPECT_DOUBLE_EQ(config.limits.account.burst, 7);
  EXPECT_DOUBLE_EQ(config.limits.account_failures.per_second, 0.25);
  EXPECT_DOUBLE_EQ(config.limits.account_failures.burst, 16);
  EXPECT_DOUBLE_EQ(config.limits.address.per_second, 0.2);
  EXPECT_DOUBLE_EQ(config.limits.address.burst, 8);
  EXPECT_EQ(config.sessions.sessions_per_account, 9U);
  EXPECT_EQ(config.find_client("robot")->bot->user.str(), "helper");
  EXPECT_EQ(config.find_client("robot")->bot->secret_hash, sha256("0123456789abcdef"));
  EXPECT_EQ(config.log_level, "warn");
}

TEST_F(LoadAuthConfig, NamesFileAndKeyOfWhatIsWrong) {
  const std::string minimum = kMinimum;
  const std::string secret = "secret_file = \"" + secret_file("0123456789abcdef") + "\"\n";
  const std::pair<std::string, std::string> cases[] = {
      {"", "keys.directory is missing"},
      {"[keys]\ndirectory = \"/k\"\n[database]\npath = \"/d\"", "clients is missing"},
      {minimum + "[http]\naddress = \"localhost\"", "http.address must be an IP address"},
      {minimum + "[http]\nport = 65536", "http.port must be a whole number from 0 to 65535"},
      {minimum + "[http]\ntrusted_proxies = [\"localhost\"]",
       "http.trusted_proxies must be IP addresses or networks"},
      {minimum + "[http]\ntrusted_proxies = [1]", "http.trusted_proxies must be a list of strings"},
      {minimum + "[http]\nthreads = 0", "http.threads"},
      {minimum + "[tokens]\npublic_url = \"https://x/\"", "tokens.public_url must not end"},
      {minimum + "[passwords]\nlanes = 2\nmemory_kib = 15", "passwords.memory_kib"},
      {minimum + "[limits]\naccount_burst = 0", "limits.account_burst"},
      {minimum + "[nonsense]", "nonsense is not a known key"},
      {minimum + "[broker]\nuri = \"mqtt://127.0.0.1:1\"", "broker.token_file is missing"},
      {minimum + "[broker]\ntoken_file = \"/t\"\nclient_id = \"duet-store\"",
       "broker.client_id must be duet-auth or duet-auth.<instance>"},
      {minimum + "[broker]\ntoken_file = \"/t\"\nkey_file = \"/k\"",
       "broker.key_file and certificate_file belong"},
      {minimum + "[tokens]\nttl = 1", "tokens.ttl is not a known key"},
      {minimum + "secret = \"x\"", "clients[0].secret is not a known key"},
      {minimum + "[[clients]]\nid = \"app\"", "clients[1].id is another client's too"},
      {minimum + "[[clients]]\nid = \"a b\"", "clients[1].id"},
      {minimum + "[[clients]]\nid = \"b\"\nuser = \"u\"", "clients[1].user and secret_file belong together"},
      {minimum + "[[clients]]\nid = \"b\"\n" + secret, "belong together"},
      {minimum + "[[clients]]\nid = \"b\"\nuser = \"a/b\"\n" + secret, "clients[1].user must be a user name"},
      {minimum + "[[clients]]\nid = \"b\"\nuser = \"u\"\nsecret_file = \"/nowhere\"", "/nowhere"},
      {"x = [", "auth.toml:1"},
  };
  for (const auto& [text, what] : cases) EXPECT_THAT(refusal(text), HasSubstr(what)) << text;
  const auto short_secret = minimum + "[[clients]]\nid = \"b\"\nuser = \"u\"\nsecret_file = \"" +
                            secret_file("0123456789abcde") + "\"";
  EXPECT_THAT(refusal(short_secret), HasSubstr("clients[1].secret_file must hold at least 16 bytes"));
}

}  // namespace
}  // namespace duet
