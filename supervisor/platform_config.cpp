#include "supervisor/platform_config.h"

#include <algorithm>
#include <string_view>

#include "protocol/names.h"
#include "service/address.h"
#include "service/toml_section.h"

namespace duet {
namespace {

using Range = TomlSection::Range;

// The largest payload that fits one broker packet of 256 KiB, with all that goes around it, on its way to the
// store and from there to the clients. An envelope is no larger than the payload that it came from.
constexpr std::int64_t kMaxPayloadBytes = 204'800;
constexpr std::int64_t kMaxBodyBytes = 98'304;

void read(TomlSection& section, std::string_view key, std::int64_t& value, Range range) {
  value = section.number(key, value, range);
}

template <typename Duration>
void read_duration(TomlSection& section, std::string_view key, Duration& value, Range range) {
  value = Duration(section.number(key, value.count(), range));
}

// A name that goes into tokens and into a line of the broker's configuration.
void read_name(TomlSection& section, std::string_view key, std::string& value) {
  if (!section.has(key)) return;
  value = section.text(key, "");
  const bool printable = std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (value.size() > 256 || !printable) {
    section.fail(key, "must be 1 to 256 printable ASCII characters without spaces");
  }
}

void read_limits(TomlSection section, PlatformConfig::Limits& limits) {
  constexpr Range kRate{0, 1'000'000};
  read(section, "messages_per_second", limits.messages_per_second, kRate);
  read(section, "burst", limits.burst, kRate);
  read(section, "requests_per_minute", limits.requests_per_minute, kRate);
  read(section, "receipts_per_second", limits.receipts_per_second, kRate);
  read(section, "devices_per_user", limits.devices_per_user, {1, 1000});
  read(section, "new_conversations_per_hour", limits.new_conversations_per_hour, {0, 100'000});
  limits.require_consent = section.flag("require_consent", limits.require_consent);
  read(section, "consent_messages", limits.consent_messages, {1, 1000});
  if (section.has("unknown_recipients")) {
    limits.unknown_recipients = section.choice("unknown_recipients", "", {"refuse", "keep"});
  }
  read(section, "connects_per_minute", limits.connects_per_minute, kRate);
  read(section, "body_bytes", limits.body_bytes, {1, kMaxBodyBytes});
  read(section, "message_payload_bytes", limits.message_payload_bytes, {256, kMaxPayloadBytes});
  read(section, "other_payload_bytes", limits.other_payload_bytes, {256, kMaxPayloadBytes});
  section.refuse_unknown_keys();
  if (limits.body_bytes > limits.message_payload_bytes) {
    section.fail("body_bytes", "must not exceed limits.message_payload_bytes");
  }
}

void read_journal(TomlSection section, PlatformConfig::Journal& journal) {
  journal.sync = section.choice("sync", journal.sync, {"none", "interval", "always"});
  read_duration(section, "sync_interval_ms", journal.sync_interval, {1, 60'000});
  read(section, "segment_bytes", journal.segment_bytes, {4096, std::int64_t{1} << 30});
  section.refuse_unknown_keys();
}

void read_tokens(TomlSection section, PlatformConfig::Tokens& tokens) {
  read_name(section, "issuer", tokens.issuer);
  tokens.issuers_file = section.absolute_path("issuers_file");
  read_name(section, "audience", tokens.audience);
  read_duration(section, "clock_skew_s", tokens.clock_skew, {1, 300});
  read_duration(section, "service_ttl_s", tokens.service_ttl, {3, 2'592'000});
  section.refuse_unknown_keys();
}

void read_bots(TomlSection& section, std::vector<PlatformConfig::Auth::Bot>& bots) {
  for (auto& bot : section.sections("bots")) {
    bots.push_back({bot.required_text("id"), bot.required_text("user"), bot.absolute_path("secret_file")});
    if (bots.back().secret_file.empty()) bot.fail("secret_file", "is missing");
    bot.refuse_unknown_keys();
  }
}

void read_auth(TomlSection section, PlatformConfig::Auth& auth) {
  auth.enabled = section.flag("enabled", auth.enabled);
  read_name(section, "public_url", auth.public_url);
  if (section.has("apps")) auth.apps = section.texts("apps");
  read_bots(section, auth.bots);
  section.refuse_unknown_keys();
  if (auth.apps.empty() && auth.bots.empty()) section.fail("apps", "is empty, and there are no bots");
}

void read_web(TomlSection section, PlatformConfig::Web& web) {
  constexpr Range kConnections{1, 1'000'000};
  web.origins = section.texts("origins");
  web.root = section.absolute_path("root");
  read(section, "connections", web.connections, kConnections);
  read(section, "connections_per_address", web.connections_per_address, {0, kConnections.high});
  web.trusted_proxies = section.texts("trusted_proxies");
  section.refuse_unknown_keys();
}

// Names go into certificates and into HAProxy's configuration.
void require_names(TomlSection& section, std::string_view key, const std::vector<std::string>& names) {
  const auto fits = [](const std::string& name) {
    const bool host_name = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
             c == '-';
    });
    return (host_name && !name.empty() && name.size() <= 253) || IpAddress::parse(name);
  };
  if (!std::all_of(names.begin(), names.end(), fits)) section.fail(key, "must hold host names and addresses");
}

void read_tls(TomlSection section, PlatformConfig::Tls& tls) {
  constexpr Range kConnections{1, 1'000'000};
  constexpr Range kLimit{0, 1'000'000};
  tls.certificate = section.absolute_path("certificate");
  if (section.has("addresses")) tls.addresses = section.texts("addresses");
  tls.accept_proxy = section.texts("accept_proxy");
  tls.names = section.texts("names");
  read(section, "connections", tls.connections, kConnections);
  read(section, "connections_per_address", tls.connections_per_address, kLimit);
  read(section, "connects_per_address", tls.connects_per_address, kLimit);
  read(section, "requests_per_address", tls.requests_per_address, kLimit);
  read(section, "logins_per_address", tls.logins_per_address, kLimit);
  read_duration(section, "request_s", tls.request, {1, 300});
  read(section, "services_port", tls.services_port, {0, 65'535});
  section.refuse_unknown_keys();
  require_names(section, "names", tls.names);
  const bool all = std::all_of(tls.addresses.begin(), tls.addresses.end(),
                               [](const std::string& text) { return IpAddress::parse(text).has_value(); });
  if (tls.addresses.empty() || !all) section.fail("addresses", "must hold one address or more");
  if (!std::all_of(tls.accept_proxy.begin(), tls.accept_proxy.end(),
                   [](const std::string& text) { return Network::parse(text).has_value(); })) {
    section.fail("accept_proxy", "must hold addresses and networks, as in \"10.0.0.0/8\"");
  }
}

}  // namespace

PlatformConfig load_platform_config(const std::filesystem::path& file) {
  const toml::table table = parse_toml_file(file);
  TomlSection root(file, table);
  PlatformConfig config;
  read_limits(root.section("limits"), config.limits);
  read_journal(root.section("journal"), config.journal);
  read_tokens(root.section("tokens"), config.tokens);
  read_auth(root.section("auth"), config.auth);
  read_web(root.section("web"), config.web);
  read_tls(root.section("tls"), config.tls);

  TomlSection push = root.section("push");
  config.push.config = push.absolute_path("config");
  push.refuse_unknown_keys();

  TomlSection store = root.section("store");
  read(store, "cache_mib", config.store.cache_mib, {8, 65'536});
  store.refuse_unknown_keys();

  TomlSection presence = root.section("presence");
  // Peers are promised the final state within 10 s (docs/protocol.md section 4).
  read_duration(presence, "debounce_ms", config.presence_debounce, {0, 8'000});
  presence.refuse_unknown_keys();

  TomlSection health = root.section("health");
  if (health.has("listen")) config.health_listen = read_health_section(std::move(health));

  TomlSection log = root.section("log");
  config.log_level = log.choice("level", config.log_level, {"debug", "info", "warn", "error"});
  log.refuse_unknown_keys();

  root.refuse_unknown_keys();
  return config;
}

}  // namespace duet
