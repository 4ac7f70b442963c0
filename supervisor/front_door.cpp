#include "supervisor/front_door.h"

#include <map>
#include <stdexcept>

#include "service/address.h"
#include "supervisor/conf_template.h"
#include "supervisor/ready_file.h"
#include "supervisor/unix_socket.h"

namespace duet {
namespace {

using Values = std::map<std::string, std::string>;

constexpr const char* kLoopback = "127.0.0.1";    // from where HAProxy comes to the services
constexpr std::int64_t kOtherConnections = 1100;  // services, metrics, checks
// How long browsers insist on TLS for this host: two years. For a certificate of an own authority five
// minutes, as it would be for every port of `localhost`.
constexpr const char* kHstsPublic = "63072000";
constexpr const char* kHstsLocal = "300";

std::string host_of(const PlatformConfig::Tls& tls) {
  if (tls.names.empty()) return "localhost";
  const auto& name = tls.names.front();
  return name.find(':') == std::string::npos ? name : "[" + name + "]";
}

// The endpoints of one `bind` line.
std::string endpoints(const PlatformConfig::Tls& tls, std::int64_t port) {
  std::string list;
  for (const auto& address : tls.addresses) {
    const bool v4 = address.find(':') == std::string::npos;
    if (!list.empty()) list += ',';
    list += (v4 ? address : "[" + address + "]") + ":" + std::to_string(port);
  }
  return list;
}

std::string proxy_log_level(const std::string& level) {
  if (level == "warn") return "warning";
  return level == "error" ? "err" : level;
}

// HAProxy counts in 32 bits.
std::string at_most(std::int64_t limit) {
  return limit == 0 ? "4294967295" : std::to_string(limit);
}

std::int64_t all_connections(const PlatformConfig::Tls& tls) {
  return 2 * tls.connections + kOtherConnections;
}

// The condition of the ACL that knows load balancers by their addresses.
std::string from_balancer(const PlatformConfig::Tls& tls) {
  if (tls.accept_proxy.empty()) return "always_false";
  std::string condition = "src";
  for (const auto& network : tls.accept_proxy) condition += " " + network;
  return condition;
}

// The template has paths in single quotes, in which nothing else ends them.
std::string path_text(const std::filesystem::path& path) {
  if (path.string().find('\'') == std::string::npos) return path.string();
  throw std::runtime_error(path.string() + ": haproxy cannot be told a path with a quote");
}

// HAProxy makes it under a longer name first.
std::string socket_text(const std::filesystem::path& path) {
  constexpr std::size_t kTemporaryEnding = 16;
  if (path.string().size() + kTemporaryEnding <= kMaxSocketPathBytes) return path_text(path);
  throw std::runtime_error(path.string() +
                           " is too long for a unix socket: --tls needs a directory with a shorter name");
}

std::string filled(std::string_view conf_template, const Values& values) {
  auto text = fill_template(conf_template, values);
  if (!text) throw std::runtime_error("haproxy: " + text.error());
  return std::move(*text);
}

bool says_yes(const Layout& layout, const std::string& path) {
  const auto answer = ask_unix_socket(layout.metrics_socket(), "GET " + path + " HTTP/1.0\r\n\r\n");
  return answer && answer->starts_with("HTTP/1.") && answer->find(" 200 ") == answer->find(' ');
}

std::string health_server(const Layout& layout, const std::string& name) {
  return "unix@" + path_text(layout.health(name));
}

}  // namespace

std::string mqtts_uri(const Ports& ports, const PlatformConfig::Tls& tls) {
  return "mqtts://" + host_of(tls) + ":" + std::to_string(ports.mqtts);
}

std::string wss_uri(const Ports& ports, const PlatformConfig::Tls& tls) {
  return "wss://" + host_of(tls) + ":" + std::to_string(ports.https) + kWebSocketPath;
}

std::string https_url(const Ports& ports, const PlatformConfig::Tls& tls) {
  const std::string url = "https://" + host_of(tls);
  return ports.https == 443 ? url : url + ":" + std::to_string(ports.https);
}

PlatformConfig behind_front_door(PlatformConfig config, const Ports& ports) {
  if (config.auth.public_url.empty()) config.auth.public_url = https_url(ports, config.tls);
  config.web.trusted_proxies.emplace_back(kLoopback);
  return config;
}

std::string proxy_config(std::string_view conf_template, const Layout& layout, const Ports& ports,
                         const PlatformConfig& config, const std::filesystem::path& certificate) {
  const auto& tls = config.tls;
  return filled(conf_template,
                {{"MQTTS_PORT", std::to_string(ports.mqtts)},
                 {"HTTPS_PORT", std::to_string(ports.https)},
                 {"MQTTS_BIND", endpoints(tls, ports.mqtts)},
                 {"HTTPS_BIND", endpoints(tls, ports.https)},
                 {"MQTT_PORT", std::to_string(ports.mqtt)},
                 {"WEBSOCKET_PORT", std::to_string(ports.websocket)},
                 {"HTTP_PORT", std::to_string(ports.http)},
                 {"BROKER_HEALTH", health_server(layout, "broker")},
                 {"STORE_HEALTH", health_server(layout, "store")},
                 {"AUTH_CHECK", config.auth.enabled ? "check" : "disabled"},
                 {"AUTH_UP", config.auth.enabled ? "nbsrv(auth) gt 0" : "always_true"},
                 {"AUTH_READY", config.auth.enabled ? "nbsrv(auth_ready) gt 0" : "always_true"},
                 {"CERTIFICATE", path_text(certificate)},
                 {"ADMIN_SOCKET", socket_text(layout.admin_socket())},
                 {"METRICS_SOCKET", socket_text(layout.metrics_socket())},
                 {"LOG_LEVEL", proxy_log_level(config.log_level)},
                 {"MAXCONN", std::to_string(all_connections(tls))},
                 {"CONNECTIONS", std::to_string(tls.connections)},
                 {"CONNECTIONS_PER_ADDRESS", at_most(tls.connections_per_address)},
                 {"CONNECTS_PER_ADDRESS", at_most(tls.connects_per_address)},
                 {"REQUESTS_PER_ADDRESS", at_most(tls.requests_per_address)},
                 {"LOGINS_PER_ADDRESS", at_most(tls.logins_per_address)},
                 {"FROM_BALANCER", from_balancer(tls)},
                 {"REQUEST_S", std::to_string(tls.request.count())},
                 {"HSTS_S", tls.certificate.empty() ? kHstsLocal : kHstsPublic}});
}

std::string services_config(std::string_view conf_template, const Layout& layout,
                            const PlatformConfig& config, const std::filesystem::path& certificate) {
  return filled(conf_template, {{"SERVICES_BIND", endpoints(config.tls, config.tls.services_port)},
                                {"CERTIFICATE", path_text(certificate)},
                                {"SERVICES_CA", path_text(layout.authority())},
                                {"FROM_BALANCER", from_balancer(config.tls)},
                                {"REQUEST_S", std::to_string(config.tls.request.count())}});
}

std::uint64_t proxy_open_files(const PlatformConfig::Tls& tls) {
  return 3 * static_cast<std::uint64_t>(all_connections(tls));
}

bool is_alive(const Layout& layout) {
  return says_yes(layout, "/healthz/live");
}

bool is_open(const Layout& layout) {
  return says_yes(layout, "/healthz");
}

}  // namespace duet
