#include "supervisor/generated_config.h"

#include <sys/un.h>
#include <toml++/toml.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "acl/principal.h"
#include "supervisor/conf_template.h"
#include "supervisor/part_health.h"
#include "supervisor/ready_file.h"

namespace duet {
namespace {

using Values = std::map<std::string, std::string>;

// The broker has no level: each `log_type` line adds one kind. A kind that is not wanted becomes `error`,
// which is always there.
void add_log_types(const std::string& level, Values& values) {
  constexpr std::string_view kLevels = "error warn info debug";
  const auto at_least = [&](std::string_view needed) { return kLevels.find(level) >= kLevels.find(needed); };
  values["LOG_WARNING"] = at_least("warn") ? "warning" : "error";
  values["LOG_NOTICE"] = at_least("info") ? "notice" : "error";
  values["LOG_INFORMATION"] = at_least("info") ? "information" : "error";
  values["LOG_DEBUG"] = at_least("debug") ? "debug" : "error";
}

std::string socket_listener(const Layout& layout) {
  if (has_broker_socket(layout)) return "listener 0 " + layout.broker_socket().string();
  return "# None here: the path is too long or has a space.";
}

std::string other_issuers(const PlatformConfig& config) {
  if (config.tokens.issuers_file.empty()) return "# No others.";
  return "plugin_opt_issuers_file " + config.tokens.issuers_file.string();
}

std::string public_url(const Ports& ports, const PlatformConfig& config) {
  return config.auth.public_url.empty() ? http_url(ports) : config.auth.public_url;
}

toml::array to_clients(const PlatformConfig::Auth& auth) {
  toml::array clients;
  for (const auto& app : auth.apps) clients.push_back(toml::table{{"id", app}});
  for (const auto& bot : auth.bots) {
    clients.push_back(
        toml::table{{"id", bot.id}, {"user", bot.user}, {"secret_file", bot.secret_file.string()}});
  }
  return clients;
}

std::string to_text(const toml::table& root) {
  std::ostringstream text;
  text << root << '\n';
  return text.str();
}

toml::array to_array(const std::vector<std::string>& texts) {
  toml::array array;
  for (const auto& text : texts) array.push_back(text);
  return array;
}

}  // namespace

std::string platform_issuers(const Layout& layout, const Ports& ports, const PlatformConfig& config) {
  if (!config.auth.enabled) return R"({"issuers":[]})";
  const nlohmann::json auth{{"issuer", public_url(ports, config)},
                            {"audience", config.tokens.audience},
                            {"jwks_file", layout.auth_jwks().string()},
                            {"device_claim", "device"},
                            {"required_scope", to_string(Role::chat)}};
  return nlohmann::json{{"issuers", {auth}}}.dump();
}

std::string broker_config(std::string_view conf_template, const Layout& layout, const Ports& ports,
                          const PlatformConfig& config, const BrokerSetting& setting) {
  const auto& limits = config.limits;
  // No limit on bursts means no limit.
  const auto messages_per_second = limits.burst == 0 ? 0 : limits.messages_per_second;
  Values values{
      {"USER", setting.user},
      {"PLUGIN", setting.plugin.string()},
      {"MQTT_PORT", std::to_string(ports.mqtt)},
      {"SOCKET_LISTENER", socket_listener(layout)},
      {"JWKS_FILE", layout.jwks().string()},
      {"ISSUER", config.tokens.issuer},
      {"AUDIENCE", config.tokens.audience},
      {"ISSUERS_FILE", layout.issuers().string()},
      {"ISSUER_KEYS_DIR", layout.issuer_keys().string()},
      {"OTHER_ISSUERS", other_issuers(config)},
      {"CLOCK_SKEW_S", std::to_string(config.tokens.clock_skew.count())},
      {"JOURNAL_DIR", layout.journal().string()},
      {"JOURNAL_SYNC", config.journal.sync},
      {"JOURNAL_SYNC_INTERVAL_MS", std::to_string(config.journal.sync_interval.count())},
      {"HEALTH_LISTEN", health_listen_text(health_of(layout, "broker"))},
      {"SEGMENT_BYTES", std::to_string(config.journal.segment_bytes)},
      {"MESSAGES_PER_SECOND", std::to_string(messages_per_second)},
      {"BURST", std::to_string(limits.burst)},
      {"REQUESTS_PER_MINUTE", std::to_string(limits.requests_per_minute)},
      {"RECEIPTS_PER_SECOND", std::to_string(limits.receipts_per_second)},
      {"DEVICES_PER_USER", std::to_string(limits.devices_per_user)},
      {"REQUIRE_CONSENT", limits.require_consent ? "true" : "false"},
      {"CONNECTS_PER_MINUTE", std::to_string(limits.connects_per_minute)},
      {"BODY_BYTES", std::to_string(limits.body_bytes)},
      {"MESSAGE_PAYLOAD_BYTES", std::to_string(limits.message_payload_bytes)},
      {"OTHER_PAYLOAD_BYTES", std::to_string(limits.other_payload_bytes)},
  };
  add_log_types(config.log_level, values);
  auto filled = fill_template(conf_template, values);
  if (!filled) throw std::runtime_error("mosquitto.conf: " + filled.error());
  return std::move(*filled);
}

std::string store_config(const Layout& layout, const Ports& ports, const PlatformConfig& config) {
  const auto& limits = config.limits;
  const toml::table root{
      {"ready_file", layout.store_ready().string()},
      {"broker", toml::table{{"uri", mqtt_uri(ports)},
                             {"token_file", layout.token("store").string()},
                             {"client_id", "duet-store"}}},
      {"database", toml::table{{"path", layout.database().string()}, {"cache_mib", config.store.cache_mib}}},
      {"health", toml::table{{"listen", health_listen_text(health_of(layout, "store"))}}},
      {"presence", toml::table{{"debounce_ms", config.presence_debounce.count()}}},
      {"limits", toml::table{{"devices_per_user", limits.devices_per_user},
                             {"new_conversations_per_hour", limits.new_conversations_per_hour},
                             {"require_consent", limits.require_consent},
                             {"consent_messages", limits.consent_messages},
                             {"unknown_recipients", refuse_unknown(config) ? "refuse" : "keep"},
                             {"body_bytes", limits.body_bytes},
                             {"message_payload_bytes", limits.message_payload_bytes},
                             {"other_payload_bytes", limits.other_payload_bytes}}},
      {"log", toml::table{{"level", config.log_level}}},
  };
  return to_text(root);
}

std::string auth_config(const Layout& layout, const Ports& ports, const PlatformConfig& config) {
  const toml::table root{
      {"http", toml::table{{"address", "127.0.0.1"},
                           {"port", ports.http},
                           {"trusted_proxies", to_array(config.web.trusted_proxies)}}},
      {"broker", toml::table{{"uri", mqtt_uri(ports)},
                             {"token_file", layout.token("auth").string()},
                             {"client_id", "duet-auth"}}},
      {"database", toml::table{{"path", layout.accounts().string()}}},
      {"keys", toml::table{{"directory", layout.auth_keys().string()},
                           {"make_first", true},
                           {"jwks_file", layout.auth_jwks().string()}}},
      {"tokens", toml::table{{"issuer", public_url(ports, config)},
                             {"audience", config.tokens.audience},
                             {"public_url", public_url(ports, config)},
                             {"clock_skew_s", config.tokens.clock_skew.count()}}},
      {"clients", to_clients(config.auth)},
      {"log", toml::table{{"level", config.log_level}}},
  };
  return to_text(root);
}

bool has_broker_socket(const Layout& layout) {
  const std::string path = layout.broker_socket().string();
  return path.size() < sizeof(sockaddr_un::sun_path) && path.find(' ') == std::string::npos;
}

std::string gateway_config(const Layout& layout, const Ports& ports, const PlatformConfig& config) {
  const auto& web = config.web;
  toml::table broker{{"address", "127.0.0.1:" + std::to_string(ports.mqtt)}};
  if (has_broker_socket(layout)) broker = toml::table{{"socket", layout.broker_socket().string()}};
  toml::table root{
      {"ready_file", layout.gateway_ready().string()},
      {"listen", toml::table{{"address", "127.0.0.1"}, {"port", ports.websocket}}},
      {"broker", broker},
      {"websocket", toml::table{{"path", kWebSocketPath}, {"origins", to_array(web.origins)}}},
      {"limits", toml::table{{"connections", web.connections},
                             {"connections_per_address", web.connections_per_address}}},
      {"health", toml::table{{"broker", "127.0.0.1:" + std::to_string(ports.mqtt)}}},
      {"proxies", toml::table{{"trusted", to_array(web.trusted_proxies)}}},
      {"log", toml::table{{"level", config.log_level}}},
  };
  if (!web.root.empty()) root.insert("files", toml::table{{"root", web.root}});
  return to_text(root);
}

}  // namespace duet
