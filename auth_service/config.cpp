#include "auth_service/config.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "acl/crypto.h"
#include "file_io/secret_file.h"
#include "service/toml_section.h"

namespace duet {
namespace {

constexpr std::int64_t kDayS = 86400;
constexpr std::size_t kMinSecretBytes = 16;

void read_seconds(TomlSection& section, std::string_view key, std::chrono::seconds& value,
                  TomlSection::Range range) {
  value = std::chrono::seconds(section.number(key, value.count(), range));
}

void read_http(TomlSection http, HttpSettings& out) {
  const auto address = http.text("address", out.address);
  const auto parsed = IpAddress::parse(address);
  if (!parsed) http.fail("address", "must be an IP address");
  out.address = parsed->text();
  out.port = static_cast<std::uint16_t>(http.number("port", out.port, {0, 65535}));
  for (const auto& proxy : http.texts("trusted_proxies")) {
    const auto network = Network::parse(proxy);
    if (!network) http.fail("trusted_proxies", "must be IP addresses or networks");
    out.trusted_proxies.push_back(*network);
  }
  out.threads = http.count("threads", out.threads, {1, 256});
  read_seconds(http, "read_timeout_s", out.read_timeout, {1, 60});
  read_seconds(http, "write_timeout_s", out.write_timeout, {1, 60});
  read_seconds(http, "request_timeout_s", out.request_timeout, {1, 60});
  http.refuse_unknown_keys();
}

void read_keys(TomlSection keys, AuthConfig::Keys& out) {
  out.directory = keys.required_text("directory");
  out.make_first = keys.flag("make_first", out.make_first);
  out.jwks_file = keys.text("jwks_file", "");
  read_seconds(keys, "activate_after_s", out.activate_after, {0, kDayS});
  read_seconds(keys, "reload_every_s", out.reload_every, {1, 3600});
  keys.refuse_unknown_keys();
}

void read_tokens(TomlSection tokens, AuthConfig& out) {
  out.tokens.issuer = tokens.text("issuer", out.tokens.issuer);
  out.tokens.audience = tokens.text("audience", out.tokens.audience);
  out.tokens.public_url = tokens.text("public_url", out.tokens.public_url);
  if (out.tokens.public_url.back() == '/') tokens.fail("public_url", "must not end with a /");
  auto& rules = out.sessions;
  read_seconds(tokens, "access_ttl_s", rules.access_ttl, {1, kDayS});
  read_seconds(tokens, "clock_skew_s", rules.clock_skew, {1, 300});
  read_seconds(tokens, "refresh_ttl_s", rules.refresh_ttl, {1, 366 * kDayS});
  read_seconds(tokens, "family_ttl_s", rules.family_ttl, {1, 3660 * kDayS});
  read_seconds(tokens, "refresh_grace_s", rules.refresh_grace, {0, 300});
  tokens.refuse_unknown_keys();
}

void read_passwords(TomlSection passwords, AuthConfig& out) {
  const auto read = [&passwords](std::string_view key, std::uint32_t& value, TomlSection::Range range) {
    value = static_cast<std::uint32_t>(passwords.number(key, value, range));
  };
  read("lanes", out.argon2.lanes, {1, 16});
  read("iterations", out.argon2.iterations, {1, 100});
  read("memory_kib", out.argon2.memory_kib,
       {8 * std::int64_t{out.argon2.lanes}, std::int64_t{4} * 1024 * 1024});
  out.hashes.at_once = passwords.count("at_once", out.hashes.at_once, {1, 64});
  out.hashes.waiting = passwords.count("waiting", out.hashes.waiting, {0, 256});
  passwords.refuse_unknown_keys();
}

void read_limits(TomlSection limits, AuthConfig& out) {
  const auto read = [&limits](std::string_view rate_key, std::string_view burst_key, RateLimit& limit) {
    const auto per_minute = std::llround(limit.per_second * 60);
    limit.per_second = static_cast<double>(limits.number(rate_key, per_minute, {1, 100000})) / 60;
    const auto burst = static_cast<std::int64_t>(limit.burst);
    limit.burst = static_cast<double>(limits.number(burst_key, burst, {1, 100000}));
  };
  read("account_attempts_per_minute", "account_burst", out.limits.account);
  read("account_failures_per_minute", "account_failures_burst", out.limits.account_failures);
  read("address_attempts_per_minute", "address_burst", out.limits.address);
  out.sessions.sessions_per_account =
      limits.count("sessions_per_account", out.sessions.sessions_per_account, {1, 1000});
  limits.refuse_unknown_keys();
}

OauthClient read_client(TomlSection client) {
  OauthClient out{client.required_text("id"), std::nullopt};
  if (!UserId::valid(out.id)) client.fail("id", "must be 1 to 64 characters as of a user name");
  if (client.has("secret_file") != client.has("user")) {
    client.fail("user", "and secret_file belong together: a bot has both, an app neither");
  }
  if (client.has("user")) {
    const auto user = UserId::parse(client.required_text("user"));
    if (!user) client.fail("user", "must be a user name");
    const auto secret = read_secret_line(client.required_text("secret_file"));
    if (secret.size() < kMinSecretBytes) client.fail("secret_file", "must hold at least 16 bytes");
    out.bot = {sha256(secret), *user};
  }
  client.refuse_unknown_keys();
  return out;
}

void read_clients(TomlSection& root, AuthConfig& out) {
  for (auto& section : root.sections("clients")) {
    auto client = read_client(section);
    if (out.find_client(client.id) != nullptr) section.fail("id", "is another client's too");
    out.clients.push_back(std::move(client));
  }
  if (out.clients.empty()) root.fail("clients", "is missing: nobody could ask for a token");
}

}  // namespace

const OauthClient* AuthConfig::find_client(std::string_view id) const {
  const auto found = std::find_if(clients.begin(), clients.end(),
                                  [id](const OauthClient& client) { return client.id == id; });
  return found == clients.end() ? nullptr : &*found;
}

AuthConfig load_auth_config(const std::filesystem::path& file) {
  const toml::table table = parse_toml_file(file);
  TomlSection root(file, table);
  AuthConfig config;
  read_http(root.section("http"), config.http);
  if (root.has("broker")) config.broker = read_broker_settings(root.section("broker"), Role::auth);
  read_keys(root.section("keys"), config.keys);
  read_tokens(root.section("tokens"), config);
  read_passwords(root.section("passwords"), config);
  read_limits(root.section("limits"), config);
  read_clients(root, config);

  auto database = root.section("database");
  config.database = database.required_text("path");
  database.refuse_unknown_keys();

  auto log = root.section("log");
  config.log_level = log.text("level", config.log_level);
  log.refuse_unknown_keys();

  root.refuse_unknown_keys();
  return config;
}

}  // namespace duet
