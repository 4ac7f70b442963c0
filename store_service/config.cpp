#include "store_service/config.h"

#include <cstdint>
#include <string_view>

#include "service/toml_section.h"

namespace duet {
namespace {

// A limit above it would not fit a packet of the broker.
constexpr std::int64_t kMaxPayloadBytes = std::int64_t{200} * 1024;
constexpr std::int64_t kMaxDebounceMs = 8000;  // peers hear the final state within 10 s
constexpr std::int64_t kMaxDevices = 1000;
constexpr TomlSection::Range kCacheMib{8, 65'536};
constexpr std::int64_t kMaxConversationsPerHour = 100'000;
constexpr std::int64_t kMaxConsentMessages = 1000;

void read_strangers(TomlSection& limits, StrangerRules& out) {
  const auto per_hour = static_cast<std::size_t>(out.new_conversations.burst);
  out.new_conversations = conversations_per_hour(
      limits.count("new_conversations_per_hour", per_hour, {0, kMaxConversationsPerHour}));
  out.require_consent = limits.flag("require_consent", out.require_consent);
  out.unknown = limits.choice("unknown_recipients", "keep", {"keep", "refuse"}) == "refuse"
                    ? UnknownRecipients::refuse
                    : UnknownRecipients::keep;
  out.consent_messages = limits.count("consent_messages", out.consent_messages, {1, kMaxConsentMessages});
}

void read_limits(TomlSection limits, Config& out) {
  const auto bytes = [&limits](std::string_view key, std::size_t& value) {
    value = limits.count(key, value, {1, kMaxPayloadBytes});
  };
  bytes("body_bytes", out.limits.body_bytes);
  bytes("message_payload_bytes", out.limits.message_payload_bytes);
  bytes("other_payload_bytes", out.limits.other_payload_bytes);
  out.devices_per_user = limits.count("devices_per_user", out.devices_per_user, {1, kMaxDevices});
  read_strangers(limits, out.strangers);
  limits.refuse_unknown_keys();
}

}  // namespace

Config load_config(const std::filesystem::path& file) {
  const toml::table table = parse_toml_file(file);
  TomlSection root(file, table);
  Config config;
  config.ready_file = root.text("ready_file", "");
  config.broker = read_broker_settings(root.section("broker"), Role::store);
  read_limits(root.section("limits"), config);

  auto database = root.section("database");
  config.database.path = database.required_text("path");
  config.database.cache_mib = database.count("cache_mib", config.database.cache_mib, kCacheMib);
  database.refuse_unknown_keys();

  auto presence = root.section("presence");
  config.presence.debounce = std::chrono::milliseconds(
      presence.number("debounce_ms", config.presence.debounce.count(), {0, kMaxDebounceMs}));
  presence.refuse_unknown_keys();

  config.health = read_health_section(root.section("health"));

  auto log = root.section("log");
  config.log_level = log.text("level", config.log_level);
  log.refuse_unknown_keys();

  root.refuse_unknown_keys();
  return config;
}

}  // namespace duet
