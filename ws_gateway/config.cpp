#include "ws_gateway/config.h"

#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "service/toml_section.h"

namespace duet {
namespace {

constexpr std::int64_t kMaxConnections = 1'000'000;
constexpr std::int64_t kMaxMessageBytes = std::int64_t{16} * 1024 * 1024;

IpAddress address_of(TomlSection& section, std::string_view key, const std::string& fallback) {
  const auto address = IpAddress::parse(section.text(key, fallback));
  if (!address) section.fail(key, "must be an IP address");
  return *address;
}

// "127.0.0.1:1883", "[::1]:1883".
std::optional<TcpEndpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  TcpEndpoint endpoint;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (!address || error != std::errc() || end != port.data() + port.size() || endpoint.port == 0) {
    return std::nullopt;
  }
  endpoint.address = *address;
  return endpoint;
}

BrokerEndpoint read_broker(TomlSection broker) {
  const std::string socket = broker.text("socket", "");
  const std::string address = broker.text("address", "");
  broker.refuse_unknown_keys();
  if (socket.empty() == address.empty()) broker.fail("socket", "or address is needed, and one only");
  if (!socket.empty()) {
    if (socket.front() != '/' || socket.size() >= sizeof(sockaddr_un::sun_path)) {
      broker.fail("socket", "must be an absolute path of at most " +
                                std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
    }
    return std::filesystem::path(socket);
  }
  const auto endpoint = parse_endpoint(address);
  if (!endpoint) broker.fail("address", "must be an IP address and a port, as in 127.0.0.1:1883");
  return *endpoint;
}

void read_websocket(TomlSection websocket, GatewayConfig& out) {
  out.path = websocket.text("path", out.path);
  const bool plain = std::all_of(out.path.begin(), out.path.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '?' && c != '#' && c != '%';
  });
  if (out.path.front() != '/' || !plain) websocket.fail("path", "must begin with / and need no escapes");
  for (const std::string& text : websocket.texts("origins")) {
    auto origin = canonical_origin(text);
    if (!origin) websocket.fail("origins", "must be origins, as in https://chat.example.com: " + text);
    out.origins.push_back(std::move(*origin));
  }
  out.allow_no_origin = websocket.flag("allow_no_origin", out.allow_no_origin);
  websocket.refuse_unknown_keys();
}

void read_limits(TomlSection limits, GatewayConfig::Limits& out) {
  const auto size = [&](std::string_view key, std::size_t& value, TomlSection::Range range) {
    value = static_cast<std::size_t>(limits.number(key, static_cast<std::int64_t>(value), range));
  };
  size("connections", out.connections, {1, kMaxConnections});
  size("connections_per_address", out.connections_per_address, {0, kMaxConnections});
  size("message_bytes", out.message_bytes, {1024, kMaxMessageBytes});
  out.request = std::chrono::milliseconds(limits.number("request_ms", out.request.count(), {100, 600'000}));
  out.idle = std::chrono::seconds(limits.number("idle_s", out.idle.count(), {1, 31'536'000}));
  limits.refuse_unknown_keys();
}

void read_proxies(TomlSection proxies, GatewayConfig& out) {
  for (const std::string& text : proxies.texts("trusted")) {
    const auto network = Network::parse(text);
    if (!network) proxies.fail("trusted", "must be addresses or networks, as in 10.0.0.0/8: " + text);
    out.trusted_proxies.push_back(*network);
  }
  proxies.refuse_unknown_keys();
}

void read_files(TomlSection files, GatewayConfig::Files& out) {
  out.root = files.text("root", "");
  if (!out.root.empty() && !std::filesystem::is_directory(out.root)) files.fail("root", "is not a directory");
  auto& policy = out.content_security_policy;
  policy = files.text("content_security_policy", policy);
  const bool one_line =
      std::all_of(policy.begin(), policy.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!one_line) files.fail("content_security_policy", "must be one line of ASCII");
  files.refuse_unknown_keys();
}

// The broker itself, unless another address of it is given.
HealthListen read_health(TomlSection health, const BrokerEndpoint& broker) {
  const std::string text = health.text("broker", "");
  health.refuse_unknown_keys();
  const auto given = text.empty() ? std::nullopt : parse_endpoint(text);
  if (!text.empty() && !given) {
    health.fail("broker", "must be an IP address and a port, as in 127.0.0.1:1883");
  }
  if (given) return HealthPort{given->address, given->port};
  if (const auto* path = std::get_if<std::filesystem::path>(&broker)) return *path;
  const auto& endpoint = std::get<TcpEndpoint>(broker);
  return HealthPort{endpoint.address, endpoint.port};
}

}  // namespace

GatewayConfig load_gateway_config(const std::filesystem::path& file) {
  const toml::table table = parse_toml_file(file);
  TomlSection root(file, table);
  GatewayConfig config;
  config.ready_file = root.text("ready_file", "");

  TomlSection listen = root.section("listen");
  config.listen.address = address_of(listen, "address", "127.0.0.1");
  config.listen.port = static_cast<std::uint16_t>(listen.number("port", 8083, {0, 65'535}));
  listen.refuse_unknown_keys();

  config.broker = read_broker(root.section("broker"));
  read_websocket(root.section("websocket"), config);
  read_limits(root.section("limits"), config.limits);
  read_proxies(root.section("proxies"), config);
  read_files(root.section("files"), config.files);

  config.health_broker = read_health(root.section("health"), config.broker);

  TomlSection log = root.section("log");
  config.log_level = log.text("level", config.log_level);
  log.refuse_unknown_keys();

  root.refuse_unknown_keys();
  return config;
}

}  // namespace duet
